"""What one request leaves behind: gathered while it runs, made into its one audit entry at the end or in its commit."""

from collections.abc import Iterable, Sequence

from fhir_server.audit.entry import Action, Compact, Compactor
from fhir_server.request import FhirRequest
from fhir_server.store.values import AuditEntry, Version, Written

_COMPACTOR = Compactor()
WRITTEN_STATUS = {"created": 201, "updated": 200, "unchanged": 200, "deleted": 204, "absent": 204}
UNKNOWN_INTERACTION = "unknown"


class Trail:
    """The audit trail of one request. The pipeline makes it, the audited session fills it."""

    __slots__ = (
        "_patients",
        "_resources",
        "_status",
        "action",
        "interaction",
        "recorded",
        "request",
        "who",
        "why",
    )

    def __init__(self, request: FhirRequest) -> None:
        self.request = request
        self._resources: list[str] = []
        self._patients: dict[str, None] = {}
        self._status: int | None = None
        self.interaction = UNKNOWN_INTERACTION
        self.action: Action = "E"
        self.who = "unknown"
        self.why = "not decided"
        self.recorded = False

    def disclosed(self, versions: Iterable[Version]) -> None:
        """These versions are shown to the caller."""
        for version in versions:
            self._resources.append(f"{version.type}/{version.id}/_history/{version.version}")
            self.about(version.patients)

    def named(self, reference: str) -> None:
        """The request is about this resource (`Type/id`), whether or not it was found."""
        self._resources.append(reference)

    def about(self, patients: Iterable[str]) -> None:
        """What is shown or changed concerns these patients."""
        for patient in patients:
            self._patients[patient] = None

    def committing(self, status: int | None) -> None:
        """A commit is about to happen whose success will be answered with this status (None: as its write says)."""
        self._status = status

    def of_commit(self, written: Sequence[Written], time_ms: int) -> AuditEntry:
        """The entry of a commit: what was written, as the commit's own last act."""
        patients = dict(self._patients)
        for write in written:
            patients.update(dict.fromkeys(write.patients))
        resources = tuple(f"{write.type}/{write.id}/_history/{write.version}" for write in written if write.version)
        status = self._status or (WRITTEN_STATUS[written[0].outcome] if written else 200)
        return self._pack(time_ms, status, (*self._resources, *resources), tuple(patients))

    def of_answer(self, status: int, time_ms: int) -> AuditEntry:
        """The entry of a request that committed nothing: a read, a search, a refusal."""
        return self._pack(time_ms, status, tuple(self._resources), tuple(self._patients))

    def _pack(self, time_ms: int, status: int, resources: tuple[str, ...], patients: tuple[str, ...]) -> AuditEntry:
        request, origin = self.request, self.request.origin
        return _COMPACTOR.pack(
            Compact(
                recorded_ms=time_ms,
                interaction=self.interaction,
                action=self.action,
                status=status,
                who=self.who,
                why=self.why,
                request_id=origin.request_id,
                method=request.method,
                path="/".join(request.path),
                query="&".join(f"{name}={value}" for name, value in request.parameters) if request.parameters else "",
                correlation_id=origin.correlation_id,
                network_address=origin.network_address,
                client=origin.client,
                resources=resources,
                patients=patients,
            )
        )
