"""The words of recall notices in both languages.

It must not know how they are sent. Only what the consignee must know is named: their own lots.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_SUBJECT: Final[Mapping[str, str]] = {
    "en": "{urgent}RECALL {number}: {title}",
    "zh-CN": "{urgent}召回通知 {number}：{title}",
}
_URGENT: Final[Mapping[str, str]] = {"en": "URGENT – ", "zh-CN": "紧急——"}
_BODY: Final[Mapping[str, str]] = {
    "en": (
        "RECALL NOTICE {number}\nTo: {recipient}\nStep: {step}\nClass: {klass}\nReason: {reason}\n"
        "Health hazard: {hazard}\n\nProducts concerned:\n{lots}\n\n"
        "Stop selling and using these lots at once, keep them apart and tell those you passed them "
        "on to.\n{instruction}\n{link}\nContact: {contact}\n"
    ),
    "zh-CN": (
        "召回通知 {number}\n收件方：{recipient}\n事项：{step}\n召回等级：{klass}\n"
        "召回原因：{reason}\n"
        "健康危害：{hazard}\n\n涉及产品：\n{lots}\n\n"
        "请立即停止销售和使用上述批次，单独存放，并通知贵方的下游客户。\n{instruction}\n{link}\n"
        "联系人：{contact}\n"
    ),
}
_LINK: Final[Mapping[str, str]] = {
    "en": "Please answer here, no account is needed: {address}",
    "zh-CN": "请通过以下链接回复（无需账号）：{address}",
}
_REMINDER: Final[Mapping[str, str]] = {
    "en": "REMINDER: due {due} UTC. ",
    "zh-CN": "提醒：截止时间 {due}（UTC）。",
}


def language_of(wish: str) -> str:
    """Choose one of the two languages."""
    return "zh-CN" if wish.lower().startswith("zh") else "en"


def write_subject(language: str, facts: Mapping[str, Any]) -> str:
    """Write the subject of a notice."""
    urgent = _URGENT[language] if facts["is_urgent"] else ""
    text = _SUBJECT[language].format(urgent=urgent, **_named(facts, "number", "title"))
    # One line: a line end in a title would begin another header of the mail.
    return " ".join(text.split())[:300]


def write_body(language: str, facts: Mapping[str, Any], lots: Sequence[Mapping[str, Any]]) -> str:
    """Write the text of a notice; `lots` are those of this recipient only."""
    rows = [
        f"- {lot['item']} / {lot['lot_no']}: {lot.get('quantity') or '?'} {lot.get('unit', '')}"
        for lot in lots
    ]
    names = ("number", "recipient", "step", "klass", "reason", "hazard", "instruction", "contact")
    return _BODY[language].format(
        lots="\n".join(rows) or "-", link="{link}", **_named(facts, *names)
    )


def add_link(language: str, body: str, address: str) -> str:
    """Put the address for the answer into a text, or nothing where there is none."""
    return body.replace("{link}", _LINK[language].format(address=address) if address else "")


def reminder(language: str, due: str) -> str:
    """Write the head of a reminder."""
    return _REMINDER[language].format(due=due)


def _named(facts: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: str(facts.get(name) or "–").replace("{", "(").replace("}", ")") for name in names}
