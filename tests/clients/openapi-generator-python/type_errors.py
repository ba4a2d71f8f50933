"""Passes mypy only if the types reject wrong values: an unused `type: ignore` is an error."""

from fleet_devices import KeyboardLayout, NewDevice

NewDevice(name="Reception screen", type="screen", category="displays")
NewDevice(
    name="LT-0412",
    type="laptop",
    category="computers",
    user_id=7,
    keyboard_layout=KeyboardLayout.FRENCH_AZERTY,
)

NewDevice(
    name="LT-0412",
    type="laptop",
    category="computers",
    user_id="seven",  # type: ignore[arg-type]
)
NewDevice(
    name="LT-0412",
    type="laptop",
    category="computers",
    keyboard_layout="QWERTY",  # type: ignore[arg-type]
)
NewDevice(name="LT-0412", type="laptop")  # type: ignore[call-arg]
