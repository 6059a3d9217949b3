"""Devices in the API: registered at a site, calibrated on evidence, retired.

It must not know what a device measured.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from qtcore.http.api.inputs import Code, Short, Word
from qtcore.http.api.operations import PREFIX, Sent, operation
from qtcore.http.call import Call
from qtcore.http.idempotency import Answer
from qtcore.http.json_body import Input
from qtcore.services.devices import (
    NewCalibration,
    NewDevice,
    calibrate_device,
    get_device,
    list_devices,
    register_device,
    retire_device,
)


class DeviceBody(Input):
    """A device; without `every_days` it needs no calibration."""

    code: Code
    name: Code
    kind: Literal["scale", "scanner", "tablet", "printer", "meter", "other"]
    site: Short = ""
    serial_no: Short = ""
    every_days: StrictInt | None = Field(default=None, ge=1, le=3660)


class CalibrationBody(Input):
    """A calibration; `valid_until` follows from how often it is due when it is left out."""

    done_on: date
    evidence: Annotated[str, StringConstraints(min_length=1, max_length=400)]
    is_passed: StrictBool = True
    valid_until: date | None = None


class RetireBody(Input):
    """Why a device is taken out of use."""

    reason: Word


@operation("GET", "/devices", summary="List the devices", answer="DeviceList")
def list_all(call: Call, _: Sent) -> Answer:
    """List the devices."""
    return Answer({"items": list_devices(call.site, call.act())})


@operation(
    "POST",
    "/devices",
    summary="Register a device at a site",
    answer="Device",
    status=201,
    body=DeviceBody,
)
def register(call: Call, sent: Sent) -> Answer:
    """Register a device."""
    made = register_device(call.site, call.act(), NewDevice(**sent.body.model_dump()))
    return Answer(made, 201, f"{PREFIX}/devices/{made['code']}")


@operation("GET", "/devices/{device:str}", summary="Show a device", answer="Device")
def show(call: Call, _: Sent) -> Answer:
    """Show one device with its calibrations."""
    return Answer(get_device(call.site, call.act(), call.params["device"]))


@operation(
    "POST",
    "/devices/{device:str}/calibrations",
    summary="Record a calibration of a device",
    answer="Device",
    status=201,
    body=CalibrationBody,
)
def calibrate(call: Call, sent: Sent) -> Answer:
    """Record a calibration."""
    new = NewCalibration(**sent.body.model_dump())
    code = call.params["device"]
    return Answer(
        calibrate_device(call.site, call.act(), code, new), 201, f"{PREFIX}/devices/{code}"
    )


@operation(
    "POST",
    "/devices/{device:str}/retire",
    summary="Take a device out of use for good",
    answer="Device",
    body=RetireBody,
)
def retire(call: Call, sent: Sent) -> Answer:
    """Retire a device."""
    return Answer(
        retire_device(call.site, call.act(), call.params["device"], reason=sent.body.reason)
    )


ROUTES = (list_all, register, show, calibrate, retire)
