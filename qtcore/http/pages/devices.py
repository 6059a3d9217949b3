"""Devices: which there are, whether each measures right today, and its calibrations.

It must not know what a device measured.
"""

from collections.abc import Sequence
from datetime import date
from urllib.parse import quote

from qtcore.errors import Fault, InputRejected, Refused
from qtcore.http.call import Call
from qtcore.http.pages.mistakes import word_error
from qtcore.http.pages.visits import Page, Redirect, Seen, page
from qtcore.services.accounts import list_own_sites
from qtcore.services.devices import (
    MANAGE,
    NewCalibration,
    NewDevice,
    calibrate_device,
    get_device,
    list_devices,
    register_device,
    retire_device,
)
from qtcore.store.tables.devices import DEVICE_KINDS

_TYPED = ("code", "name", "kind", "site", "serial_no", "every_days")
_GIVEN = ("done_on", "valid_until", "evidence")


@page("GET", "/devices")
def show_all(call: Call) -> Seen:
    """List the devices."""
    return _list(call, ())


@page("POST", "/devices")
def register(call: Call) -> Seen:
    """Register a device."""
    try:
        made = register_device(call.site, call.act(), _device(call))
    except (InputRejected, Refused) as error:
        return _list(call, word_error(call, error))
    return Redirect(f"/devices/{quote(made['code'])}?done=registered")


@page("GET", "/devices/{device:str}")
def show(call: Call) -> Seen:
    """Show one device."""
    return _one(call, ())


@page("POST", "/devices/{device:str}")
def act(call: Call) -> Seen:
    """Record a calibration, or retire the device."""
    code = call.params["device"]
    try:
        if call.field("act") == "retire":
            retire_device(call.site, call.act(), code, reason=call.field("reason"))
        else:
            calibrate_device(call.site, call.act(), code, _calibration(call))
    except (InputRejected, Refused) as error:
        return _one(call, word_error(call, error))
    return Redirect(f"/devices/{quote(code)}?done=recorded")


def _device(call: Call) -> NewDevice:
    code, name, kind, at, serial_no, days = (call.field(each) for each in _TYPED)
    if days and not (days.isascii() and days.isdecimal() and len(days) < 6):
        text = f"every {days!r} days is no number of days; leave it empty for none"
        raise InputRejected(text, [Fault("QT560", text, "every_days")])
    return NewDevice(code, name, kind, at, serial_no, int(days) if days else None)


def _calibration(call: Call) -> NewCalibration:
    done_on, until = (_day(call, name) for name in ("done_on", "valid_until"))
    if done_on is None:
        text = "the day of the calibration is missing"
        raise InputRejected(text, [Fault("QT560", text, "done_on")])
    passed = call.field("passed") != "no"
    return NewCalibration(done_on, call.field("evidence"), passed, until)


def _day(call: Call, name: str) -> date | None:
    text = call.field(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        said = f"{text[:40]!r} is no day; write it as 2026-06-01"
        raise InputRejected(said, [Fault("QT560", said, name)]) from error


def _list(call: Call, mistakes: Sequence[str]) -> Page:
    context = call.act()
    data = {
        "devices": list_devices(call.site, context),
        "kinds": DEVICE_KINDS,
        "sites": list_own_sites(call.site),
        "may_manage": context.actor.may(MANAGE),
        "typed": {name: call.field(name) if mistakes else "" for name in _TYPED},
        "mistakes": [{"message": text, "href": ""} for text in mistakes],
    }
    return Page("devices.html", data, 400 if mistakes else 200)


def _one(call: Call, mistakes: Sequence[str]) -> Page:
    context = call.act()
    data = {
        "device": get_device(call.site, context, call.params["device"]),
        "may_manage": context.actor.may(MANAGE),
        "today": context.at.date().isoformat(),
        "typed": {name: call.field(name) if mistakes else "" for name in _GIVEN},
        "mistakes": [{"message": text, "href": ""} for text in mistakes],
        "done": call.word("done"),
    }
    return Page("device.html", data, 400 if mistakes else 200)


def known_devices(call: Call) -> list[tuple[str, str]]:
    """List the devices that may be cited today: code and name."""
    return [(d["code"], d["name"]) for d in list_devices(call.site, call.act()) if d["is_fit"]]


ROUTES = (show_all, register, show, act)
