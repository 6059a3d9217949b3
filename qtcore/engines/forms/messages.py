"""What is said about a value, in people's words: label, what was found, the limit, the way out.

It must not know schemas or validators; a complaint is a key of the catalogue with its details.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_MOST_SHOWN: Final = 60
FALLBACK: Final = "en"


@dataclass(frozen=True, slots=True)
class Complaint:
    """One mistake in a value: a key of the catalogue, and what its words mention."""

    key: str
    details: Mapping[str, object] = field(default_factory=dict)


# The code says what kind of mistake it is; the key before the dot decides.
CODES: Final[Mapping[str, str]] = {
    "unknown": "QT480",
    "required": "QT481",
    "type": "QT482",
    "minimum": "QT483",
    "maximum": "QT483",
    "exclusiveMinimum": "QT483",
    "exclusiveMaximum": "QT483",
    "multipleOf": "QT484",
    "decimals": "QT484",
    "minLength": "QT485",
    "maxLength": "QT485",
    "signs": "QT485",
    "pattern": "QT486",
    "format": "QT486",
    "enum": "QT487",
    "const": "QT487",
    "minItems": "QT488",
    "maxItems": "QT488",
    "uniqueItems": "QT488",
    "readOnly": "QT489",
}

EN: Final[Mapping[str, str]] = {
    "unknown": "There is no field “{name}” in this form. Remove it; the form has: {known}.",
    "unknown.near": "There is no field “{name}” in this form. Did you mean “{near}”?",
    "required": "Enter {label}.",
    "required.choice": "Choose {label}.",
    "required.boolean": "Answer “{label}” with yes or no.",
    "required.list": "Add at least one entry to {label}.",
    "type.string": "{label} “{found}” is not a text. Send it as a text.",
    "type.number": "{label} “{found}” is not a number. Write digits and at most one point, for "
    "example 12.5.",
    "type.ambiguous": "{label} “{found}” can be read as {thousands} or as {decimal}. Write it with "
    "a point, or without a separator.",
    "type.float": "{label} {found} came as a binary number, which may have lost digits. Send it as "
    "a text, for example “12.50”.",
    "type.digits": "{label} {found} has too many digits. At most 12 before and 6 after the point "
    "are kept.",
    "type.integer": "{label} “{found}” is not a whole number. Write digits only, for example 12.",
    "type.boolean": "{label} “{found}” is neither yes nor no. Choose one of them.",
    "type.date": "{label} “{found}” is not a date. Write year-month-day, for example 2026-11-20.",
    "type.date-time": "{label} “{found}” is not a date with a time. Write for example "
    "2026-11-20T14:02+08:00.",
    "type.zone": "{label} “{found}” does not say its time zone. Write for example {found}+08:00.",
    "type.time": "{label} “{found}” is not a time of day. Write for example 14:02.",
    "type.array": "{label} “{found}” is not a list. Send a list of entries.",
    "type.object": "{label} “{found}” is not a group of fields. Send the fields by their names.",
    "minimum": "{label} {found} is below the limit {limit}. Check the entry.",
    "maximum": "{label} {found} is above the limit {limit}. Check the entry.",
    "exclusiveMinimum": "{label} {found} must be more than {limit}. Check the entry.",
    "exclusiveMaximum": "{label} {found} must be less than {limit}. Check the entry.",
    "multipleOf": "{label} {found} is not a multiple of {limit}. Check the entry.",
    "decimals": "{label} {found} has more than {limit} decimals. Round it as your procedure says.",
    "minLength": "{label} “{found}” is too short: {count} signs, at least {limit} are needed.",
    "maxLength": "{label} is too long: {count} signs, at most {limit} are kept. Shorten it.",
    "signs": "{label} holds a sign that cannot be shown ({found}). Type it again instead of "
    "pasting it.",
    "pattern": "{label} “{found}” does not have the form that is needed ({limit}). Check the "
    "entry.",
    "pattern.example": "{label} “{found}” does not have the form that is needed, for example "
    "{example}. Check the entry.",
    "format.email": "{label} “{found}” is not an e-mail address. Write it like name@company.com.",
    "format.uri": "{label} “{found}” is not a web address. Write it like https://company.com/x.",
    "format.uuid": "{label} “{found}” is not a UUID. Copy it whole, 36 signs with its hyphens.",
    "enum": "{label} “{found}” is not among the choices. Choose one of: {choices}.",
    "enum.near": "{label} “{found}” is not among the choices. Did you mean “{near}”?",
    "const": "{label} “{found}” must be {limit}.",
    "minItems": "{label} has {count} entries; at least {limit} are needed. Add more.",
    "maxItems": "{label} has {count} entries; at most {limit} are accepted. Remove some.",
    "uniqueItems": "{label} holds the same entry twice. Remove one of them.",
    "readOnly": "{label} is filled by the system and cannot be changed here. Leave it as it is.",
    "row": "{label} (row {row} of {table})",
    "yes": "Yes",
    "no": "No",
    "separator": ", ",
    "none": "–",
}

ZH_CN: Final[Mapping[str, str]] = {
    "unknown": "本表单没有字段“{name}”。请删除；可用字段：{known}。",
    "unknown.near": "本表单没有字段“{name}”。您要填的是“{near}”吗？",
    "required": "请填写{label}。",
    "required.choice": "请选择{label}。",
    "required.boolean": "请对“{label}”选择是或否。",
    "required.list": "请在{label}中至少添加一项。",
    "type.string": "{label}“{found}”不是文本。请以文本形式提交。",
    "type.number": "{label}“{found}”不是数字。请只用数字和一个小数点，例如 12.5。",
    "type.ambiguous": "{label}“{found}”可以理解为 {thousands} 或 {decimal}。"
    "请改用小数点，或去掉分隔符。",
    "type.float": "{label} {found} 以二进制数提交，可能已丢失位数。请以文本提交，例如“12.50”。",
    "type.digits": "{label} {found} 位数过多。小数点前最多 12 位，小数点后最多 6 位。",
    "type.integer": "{label}“{found}”不是整数。请只写数字，例如 12。",
    "type.boolean": "{label}“{found}”既不是“是”也不是“否”。请选择其一。",
    "type.date": "{label}“{found}”不是日期。请按年-月-日填写，例如 2026-11-20。",
    "type.date-time": "{label}“{found}”不是日期和时间。请按 2026-11-20T14:02+08:00 的形式填写。",
    "type.zone": "{label}“{found}”没有注明时区。请写成例如 {found}+08:00。",
    "type.time": "{label}“{found}”不是时刻。请按 14:02 的形式填写。",
    "type.array": "{label}“{found}”不是列表。请以列表形式提交。",
    "type.object": "{label}“{found}”不是一组字段。请按字段名提交。",
    "minimum": "{label} {found} 低于限度 {limit}。请核对。",
    "maximum": "{label} {found} 高于限度 {limit}。请核对。",
    "exclusiveMinimum": "{label} {found} 必须大于 {limit}。请核对。",
    "exclusiveMaximum": "{label} {found} 必须小于 {limit}。请核对。",
    "multipleOf": "{label} {found} 不是 {limit} 的倍数。请核对。",
    "decimals": "{label} {found} 的小数超过 {limit} 位。请按规程修约。",
    "minLength": "{label}“{found}”太短：{count} 个字符，至少需要 {limit} 个。请补全。",
    "maxLength": "{label}太长：{count} 个字符，最多保留 {limit} 个。请缩短。",
    "signs": "{label}含有无法显示的字符（{found}）。请手工输入，不要粘贴。",
    "pattern": "{label}“{found}”不符合要求的格式（{limit}）。请核对。",
    "pattern.example": "{label}“{found}”不符合要求的格式，例如 {example}。请核对。",
    "format.email": "{label}“{found}”不是电子邮箱地址。请写成例如 name@company.com。",
    "format.uri": "{label}“{found}”不是网址。请写成例如 https://company.com/x。",
    "format.uuid": "{label}“{found}”不是 UUID。请完整复制，含连字符共 36 个字符。",
    "enum": "{label}“{found}”不在可选项中。请从以下选项中选择：{choices}。",
    "enum.near": "{label}“{found}”不在可选项中。您要选的是“{near}”吗？",
    "const": "{label}“{found}”必须是 {limit}。",
    "minItems": "{label}有 {count} 项，至少需要 {limit} 项。请补充。",
    "maxItems": "{label}有 {count} 项，最多 {limit} 项。请删减。",
    "uniqueItems": "{label}中有重复项。请删除其中一项。",
    "readOnly": "{label}由系统填写，不能在此修改。请保持原样。",
    "row": "{label}（{table}第 {row} 行）",
    "yes": "是",
    "no": "否",
    "separator": "、",
    "none": "–",
}

CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {FALLBACK: EN, "zh-CN": ZH_CN}


def find_catalogue(language: str) -> Mapping[str, str]:
    """Give the words of a language; all of Chinese is served by zh-CN, the rest by English."""
    if language.lower().startswith("zh"):
        return ZH_CN
    return CATALOGUES.get(language, EN)


def word_complaint(complaint: Complaint, label: str, language: str) -> str:
    """Say a complaint about the field with this label."""
    words = find_catalogue(language)[complaint.key]
    is_inside = not words.startswith("{label}")
    shown = _in_sentence(label) if is_inside and words.isascii() else label
    details = {name: shorten(value) for name, value in complaint.details.items()}
    return words.format_map({**details, "label": shown})


def code_of(complaint: Complaint) -> str:
    """Give the stable code of a complaint."""
    return CODES[complaint.key.split(".", 1)[0]]


def shorten(value: object) -> str:
    """Show what was found on one line, without signs that could disturb a page or a log."""
    text = _written(value)[: _MOST_SHOWN + 1]
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _written(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to write numbers of more than 4,300 digits
        return "…"


def _in_sentence(label: str) -> str:
    """Write "Supplier lot" as "supplier lot", and leave "OOS result" alone."""
    is_word = len(label) > 1 and label[0].isupper() and label[1].islower()
    return label[0].lower() + label[1:] if is_word else label
