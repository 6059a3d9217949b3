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
    "may_state": ("a state that may {0}", "允许{0}的状态"),
    "may_consume": ("consume", "投料使用"),
    "may_ship": ("ship", "发货"),
    "may_move": ("move", "移动"),
    "may_sample": ("sample", "取样"),
    "may_edit": ("edit", "编辑"),
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
    "says_nothing": ("{0} says nothing here{1}{2}", "{0}在此没有作用{1}{2}"),
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
    "nobody_made": (
        "on this path nobody has made {0}, so it compares nobody; add 'before' or "
        "'always_passes' if {0} may not be left out",
        "在这条路径上没有人作出过{0}，因此没有可比较的人；"
        "如果{0}不可省略，请加上 before 或 always_passes",
    ),
    "said": ("{0}", "{0}"),
    "QT310_below": (
        "{0} (mandatory in pack '{1}', {2})",
        "{0}（在包“{1}”中为必须保持，{2}）",
    ),
    "QT311_paths": (
        "life cycle '{0}' has too many paths to walk; split it",
        "流程“{0}”的路径太多，无法逐一走遍；请拆分",
    ),
    "QT312_when": (
        "both transitions '{0}' and '{1}' out of '{2}' are open at once, for example when {3}; "
        "make their guards exclude each other",
        "从“{2}”出发的流转“{0}”和“{1}”会同时可行，例如当 {3} 时；请让它们的条件互相排斥",
    ),
    "QT312_open": (
        "both transitions '{0}' and '{1}' out of '{2}' are open at once; "
        "make their guards exclude each other",
        "从“{2}”出发的流转“{0}”和“{1}”会同时可行；请让它们的条件互相排斥",
    ),
    "QT312_unknown": (
        "it is not known whether both transitions '{0}' and '{1}' out of '{2}' can be open at once",
        "不能确定从“{2}”出发的流转“{0}”和“{1}”是否会同时可行",
    ),
    "QT313_dead": (
        "the guard of '{0}' can never be true; nobody can make this transition",
        "流转“{0}”的条件永远不会成立，谁也无法作出它",
    ),
    "QT313_here": (
        "the guard of '{0}' can never be true where it is asked: what was asked of the same "
        "constant facts before excludes it",
        "流转“{0}”的条件在此处永远不会成立：此前对同一些不变事实的条件已将它排除",
    ),
    "QT314": (
        "state '{0}' cannot be reached: on every way to it a guard can never be true, by itself or "
        "after what was asked before",
        "状态“{0}”无法到达：通往它的每条路上都有一个永远不会成立的条件（其本身，或因此前的条件）",
    ),
    "QT315": (
        "state '{0}' is a dead end: no guard of a transition out of it can be true after {1}",
        "状态“{0}”是死路：经过 {1} 之后，离开它的流转没有一个条件会成立",
    ),
    "QT316_state": (
        "nobody can lead state '{0}' on: no role of its transitions ({1}) has the right to make "
        "transitions",
        "没有人能让状态“{0}”继续：其流转的角色（{1}）都没有作出流转的权限",
    ),
    "QT316_step": (
        "nobody can make '{0}': of its roles ({1}) none has the right to make transitions",
        "没有人能作出“{0}”：其角色（{1}）都没有作出流转的权限",
    ),
    "QT317": (
        "one person can do the work and approve it: {0}; give '{1}' 'not_same_as' or "
        "'creator: never', or accept it with a reason under 'verify'",
        "同一人可以既做工作又批准它：{0}；请给“{1}”加上 not_same_as 或 creator: never，"
        "或在 verify 下以 accepts_same_person 写明理由接受",
    ),
    "QT317_unknown": (
        "it is not known whether one person can do the work and approve it: {0}; give '{1}' "
        "'not_same_as' or 'creator: never', or accept it with a reason under 'verify'",
        "不能确定同一人是否可以既做工作又批准它：{0}；请给“{1}”加上 not_same_as 或 creator: never，"
        "或在 verify 下以 accepts_same_person 写明理由接受",
    ),
    "QT318": (
        "the signature of '{0}' means '{1}', which no language has a text for; add "
        "'signatures.{1}' to the texts",
        "“{0}”的签名含义为“{1}”，但没有任何语言的文字；请在文字中加上 signatures.{1}",
    ),
    "QT319_final": (
        "the timer of the final state '{0}' never ends: nothing leads out",
        "终止状态“{0}”的计时器永不结束：没有路离开它",
    ),
    "QT319_elsewhere": (
        "the timer of '{0}' fires '{1}', which does not begin there",
        "“{0}”的计时器触发“{1}”，但它不从那里开始",
    ),
    "QT319_signature": (
        "a timer cannot fire '{0}': it needs a signature, which a person gives",
        "计时器不能触发“{0}”：它需要签名，只有人才能签",
    ),
    "QT319_form": (
        "a timer cannot fire '{0}': it needs a form, which a person gives",
        "计时器不能触发“{0}”：它需要填写表单，只有人才能填",
    ),
    "QT319_loop": ("the timers never end: {0}", "计时器永不结束：{0}"),
    "QT320_loop": (
        "automatic transitions never come to rest: {0}",
        "自动流转永不停止：{0}",
    ),
    "QT320_unknown": (
        "it is not known whether automatic transitions come to rest: {0}",
        "不能确定自动流转是否会停止：{0}",
    ),
}
PHRASES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {key: words[0] for key, words in _SENTENCES.items()},
    "zh-CN": {key: words[1] for key, words in _SENTENCES.items()},
}
