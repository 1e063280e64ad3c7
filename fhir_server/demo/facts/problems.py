"""The problems that residents live with, and how often.

Sources of the codes: the published SNOMED CT sets of the electronic frailty index, GP Connect test records, and (UTI,
constipation, reflux, swallowing difficulty, depression) the international edition, where they are among the best known.
The percentages are near what surveys of English care homes report; they are there to look right, not to be counted on.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fhir_server.demo.facts.draws import Draws
from fhir_server.demo.facts.people import Gender
from fhir_server.demo.facts.stories import Story


@dataclass(frozen=True, slots=True)
class Problem:
    """A long-standing problem: `text` in plain words; `years` how long ago it was noted, from and to."""

    code: str
    display: str
    text: str
    percent: int = 0
    years: tuple[int, int] = (2, 15)
    only: Gender | None = None


ALZHEIMER = Problem("26929004", "Alzheimer's disease", "Alzheimer's dementia", years=(2, 7))
VASCULAR_DEMENTIA = Problem("429998004", "Vascular dementia", "Vascular dementia", years=(2, 6))
DEMENTIA = Problem("52448006", "Dementia", "Dementia", years=(1, 6))
DEMENTIAS = (ALZHEIMER, ALZHEIMER, VASCULAR_DEMENTIA, DEMENTIA)
DEMENTIA_PERCENT = 65

HYPERTENSION = Problem("38341003", "Hypertensive disorder", "High blood pressure", 55, (5, 25))
DIABETES = Problem("44054006", "Diabetes mellitus type 2", "Type 2 diabetes", 20, (5, 20))
ATRIAL_FIBRILLATION = Problem("49436004", "Atrial fibrillation", "Atrial fibrillation", 20, (1, 12))
HEART_FAILURE = Problem("84114007", "Heart failure", "Heart failure", 14, (1, 8))
HEART_DISEASE = Problem("414545008", "Ischaemic heart disease", "Ischaemic heart disease", 16, (4, 20))
STROKE = Problem("230690007", "Cerebrovascular accident", "Stroke", 16, (1, 12))
COPD = Problem("13645005", "Chronic obstructive lung disease", "COPD", 14, (4, 18))
PARKINSON = Problem("49049000", "Parkinson's disease", "Parkinson's disease", 7, (3, 12))
OSTEOARTHRITIS = Problem("396275006", "Osteoarthritis", "Osteoarthritis", 50, (5, 25))
OSTEOPOROSIS = Problem("64859006", "Osteoporosis", "Osteoporosis", 26, (3, 15))
KIDNEY_DISEASE = Problem("433144002", "Chronic kidney disease stage 3", "Chronic kidney disease stage 3", 28, (2, 12))
HYPOTHYROIDISM = Problem("40930008", "Hypothyroidism", "Underactive thyroid", 12, (5, 25))
DEPRESSION = Problem("35489007", "Depressive disorder", "Depression", 22, (1, 15))
CONSTIPATION = Problem("14760008", "Constipation", "Constipation", 38, (1, 6))
REFLUX = Problem("235595009", "Gastro-oesophageal reflux disease", "Acid reflux", 18, (2, 15))
IRON_DEFICIENCY = Problem("87522002", "Iron deficiency anaemia", "Iron deficiency anaemia", 10, (0, 3))
PROSTATE = Problem("266569009", "Benign prostatic hyperplasia", "Enlarged prostate", 34, (3, 15), "male")
INCONTINENCE = Problem("165232002", "Urinary incontinence", "Urinary incontinence", 45, (1, 8))
HEARING_LOSS = Problem("15188001", "Hearing loss", "Hearing loss", 42, (3, 15))
SIGHT_LOSS = Problem("267718000", "Age-related macular degeneration", "Age-related macular degeneration", 18, (2, 10))
SWALLOWING = Problem("40739000", "Dysphagia", "Swallowing difficulty", years=(0, 2))
COMMON = (
    HYPERTENSION,
    DIABETES,
    ATRIAL_FIBRILLATION,
    HEART_FAILURE,
    HEART_DISEASE,
    STROKE,
    COPD,
    PARKINSON,
    OSTEOARTHRITIS,
    OSTEOPOROSIS,
    KIDNEY_DISEASE,
    HYPOTHYROIDISM,
    DEPRESSION,
    CONSTIPATION,
    REFLUX,
    IRON_DEFICIENCY,
    PROSTATE,
    INCONTINENCE,
    HEARING_LOSS,
    SIGHT_LOSS,
)

RECURRENT_FALLS = Problem("279992002", "Recurrent falls", "Recurrent falls", years=(0, 1))
LOSING_WEIGHT = Problem("89362005", "Weight loss", "Losing weight without meaning to", years=(0, 0))
END_OF_LIFE = Problem(
    "1403151000000103", "On palliative care register", "On the palliative care register", years=(0, 0)
)
MODERATE_FRAILTY = Problem("925831000000107", "Moderate frailty", "Moderate frailty", years=(0, 2))
SEVERE_FRAILTY = Problem("925861000000102", "Severe frailty", "Severe frailty", years=(0, 2))
MILD_FRAILTY = Problem("925791000000100", "Mild frailty", "Mild frailty", years=(0, 2))

OF_STORY: tuple[tuple[Problem, Callable[[Story], bool]], ...] = (
    (RECURRENT_FALLS, lambda story: story.falls),
    (LOSING_WEIGHT, lambda story: story.weight_loss[0] >= 9),
    (END_OF_LIFE, lambda story: story.last_months),
)


def problems_of(draws: Draws, gender: Gender, story: Story, frailty_level: int) -> tuple[Problem, ...]:
    """The problem list of one resident: dementia first, then what is common, then what the story brings."""
    found = [draws.pick(DEMENTIAS)] if draws.chance(DEMENTIA_PERCENT) else []
    found += [one for one in COMMON if draws.chance(one.percent) and one.only in (None, gender)]
    if (STROKE in found or PARKINSON in found) and draws.chance(45):
        found.append(SWALLOWING)
    found += [problem for problem, applies in OF_STORY if applies(story)]
    found.append(frailty_diagnosis(frailty_level))
    return tuple(found)


def frailty_diagnosis(level: int) -> Problem:
    """The diagnosis that the GP recorded for this level of the Clinical Frailty Scale."""
    if level >= 7:
        return SEVERE_FRAILTY
    return MODERATE_FRAILTY if level == 6 else MILD_FRAILTY
