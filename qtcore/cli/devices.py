"""Commands for devices: register, calibrate, retire, list."""

from datetime import date
from typing import Annotated

import typer

from qtcore.cli.options import Console, console
from qtcore.errors import InputRejected

device = typer.Typer(no_args_is_help=True)


@device.command("list")
@console()
def show_all(here: Console) -> None:
    """List the devices, and whether each may be used today."""
    from qtcore.services.devices import list_devices

    with here.site() as site:
        found = list_devices(site, here.context(site))
        here.answer_list(
            found,
            line=lambda each: f"{each['code']}  {each['name']}  {each['why'] or 'may be used'}",
            none="no device is registered",
        )


@device.command("add")
@console()
def add(
    here: Console,
    code: str,
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    kind: Annotated[str, typer.Option(help="scale, scanner, tablet, printer, meter or other")],
    at: Annotated[str, typer.Option(help="The site it stands at.")] = "",
    serial: Annotated[str, typer.Option(help="Its serial number.")] = "",
    every: Annotated[
        int | None, typer.Option(help="Days between calibrations; none are needed without it.")
    ] = None,
) -> None:
    """Register a device."""
    from qtcore.services.devices import NewDevice, register_device

    with here.site(create=True) as site:
        new = NewDevice(code, name, kind, at, serial, every)
        here.answer(
            register_device(site, here.context(site), new),
            text=lambda a: f"registered {a['code']}",
        )


@device.command("calibrate")
@console()
def calibrate(
    here: Console,
    code: str,
    *,
    on: Annotated[str, typer.Option(help="The day, such as 2026-06-01.")],
    evidence: Annotated[str, typer.Option(help="The certificate's number, or where it is.")],
    failed: Annotated[bool, typer.Option("--failed", help="It did not pass.")] = False,
    until: Annotated[str, typer.Option(help="The last good day, if not by its period.")] = "",
) -> None:
    """Record a calibration."""
    from qtcore.services.devices import NewCalibration, calibrate_device

    new = NewCalibration(_day(on), evidence, not failed, _day(until) if until else None)
    with here.site(create=True) as site:
        here.answer(
            calibrate_device(site, here.context(site), code, new),
            text=lambda a: f"{a['code']}: {a['why'] or 'may be used until ' + a['due_on']}",
        )


@device.command("retire")
@console()
def retire(here: Console, code: str, *, reason: Annotated[str, typer.Option(help="Why.")]) -> None:
    """Take a device out of use for good."""
    from qtcore.services.devices import retire_device

    with here.site(create=True) as site:
        here.answer(
            retire_device(site, here.context(site), code, reason=reason),
            text=lambda a: f"retired {a['code']}",
        )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputRejected(f"{text!r} is no day; write it as 2026-06-01") from error
