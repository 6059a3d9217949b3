"""The sentences of proofs in each language; equal keys, numbered gaps.

It must not know what fills the gaps.
"""

from collections.abc import Mapping
from typing import Final

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "or": (" or ", "或"),
    "comma": (", ", "、"),
    "and": (" and ", "并"),
    "by": ("{0} by {1}{2}", "{0}（{1}）{2}"),
    "itself": ("itself", "自动"),
    "every_path": ("every path to {0} passes {1}{2}", "到达{0}的每条路径都经过{1}{2}"),
    "anew": (" after {0}", "（在{0}之后须重新经过）"),
    "may_state": ("a state that may {0}", "允许 {0} 的状态"),
    "transition": ("transition {0}", "流转“{0}”"),
    "state": ("state {0}", "状态“{0}”"),
    "gate": ("gate {0}", "关口 {0}"),
    "signature": ("a signature{0}{1}", "{1}{0}签名"),
    "meaning": (" meaning {0}", "含义为“{0}”的"),
    "signed_by": (" by {0}", "由{0}作出的"),
    "with": (" with ", "，带"),
    "step_from": ("{0} from {1}", "从{1}作出的{0}"),
    "never": ("never {0}{1}{2}", "绝不出现{0}{1}{2}"),
    "after": (" after {0}", "（在{0}之后）"),
    "when": (" when {0}", "（当 {0} 时）"),
    "before": ("{0} before {1}", "{0}先于{1}"),
    "leads": ("from {0} a way leads to {1}", "从{0}有路可达{1}"),
    "every_state": ("every state", "每个状态"),
    "judged": ("every path to {0} is judged by rule {1}", "到达{0}的每条路径都由规则 {1} 判断"),
    "another": ("{0} is made by another person than {1}", "{0}与{1}不得由同一人作出"),
    "step_into": ("the step into {0}", "进入{0}的步骤"),
    "one_person": ("one person may do all up to {0}", "一个人可以做完直到{0}的全部步骤"),
    "property": ("property {0!r} ({1})", "性质“{0}”（{1}）"),
    "proved": ("{0}: proved", "{0}：已证明"),
    "accepted": ("{0}: accepted", "{0}：已按理由接受"),
    "fails": ("{0} does not hold{1}{2}", "{0}不成立{1}{2}"),
    "undecided": ("{0} cannot be decided{1}{2}", "{0}无法判定{1}{2}"),
    "path": (": {0}", "：{0}"),
    "reason": ("; {0}", "；{0}"),
    "begins_in": ("it begins in {0}", "流程从{0}开始"),
    "no_way": ("from {0} no way leads to {1}", "从{0}没有路可达{1}"),
    "way_unknown": (
        "from {0} it is not known whether a way leads to {1}",
        "不能确定从{0}是否有路可达{1}",
    ),
    "maybe_true": (
        "it is not known whether this can be true: {0}",
        "不能确定以下条件是否可能成立：{0}",
    ),
    "too_many": (
        "the life cycle has too many paths to walk",
        "流程的路径太多，无法逐一走遍",
    ),
    "claims_nothing": ("it claims nothing", "没有声明任何内容"),
    "same_person": ("the same person may make {0}", "同一人可以作出{0}"),
    "can_happen": ("{0} can happen when {1}", "当 {1} 时仍可作出{0}"),
    "may_happen": (
        "it is not known whether {0} can happen when {1}",
        "不能确定当 {1} 时是否可以作出{0}",
    ),
    "said": ("{0}", "{0}"),
}
PHRASES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {key: words[0] for key, words in _SENTENCES.items()},
    "zh-CN": {key: words[1] for key, words in _SENTENCES.items()},
}
