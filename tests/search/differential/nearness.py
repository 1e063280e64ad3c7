"""`near` as the reference measures it: on the great circle. https://hl7.org/fhir/R4/location.html#search"""

from math import asin, cos, radians, sin, sqrt
from typing import Any

RADIUS_METRES = 6_371_008.8
METRES = {"km": 1000.0, "m": 1.0, "mi": 1609.344}


def near(position: Any, text: str) -> bool:
    """Whether a position is as near as `latitude|longitude|distance|unit` asks, 50 km where no distance is given."""
    latitude, longitude, *rest = text.split("|")
    far = float(rest[0]) * METRES[rest[1] if len(rest) == 2 else "km"] if rest else 50_000.0
    one, other = radians(float(position["latitude"])), radians(float(latitude))
    aside = radians(float(position["longitude"]) - float(longitude))
    haversine = sin((one - other) / 2) ** 2 + cos(one) * cos(other) * sin(aside / 2) ** 2
    return 2 * RADIUS_METRES * asin(sqrt(haversine)) <= far
