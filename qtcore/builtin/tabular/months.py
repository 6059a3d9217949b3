"""Names of months as tables write them, in several languages, whole and shortened.

It must not know dates.
"""

from collections.abc import Iterable, Mapping
from typing import Final

# Twelve names a language, from January; a bar separates other ways to write one.
_NAMES: Final[Mapping[str, str]] = {
    "en": "january|jan february|feb march|mar april|apr may june|jun july|jul august|aug "
    "september|sep|sept october|oct november|nov december|dec",
    "de": "januar|jan|jän|jänner februar|feb märz|mär|mrz|mar april|apr mai juni|jun juli|jul "
    "august|aug september|sep|sept oktober|okt november|nov dezember|dez",
    "fr": "janvier|janv|jan février|févr|fév|fevrier|fev mars|mar avril|avr mai juin "
    "juillet|juil août|aout|aoû septembre|sept|sep octobre|oct novembre|nov décembre|déc|dec",
    "es": "enero|ene febrero|feb marzo|mar abril|abr mayo|may junio|jun julio|jul agosto|ago "
    "septiembre|sep|sept|set octubre|oct noviembre|nov diciembre|dic",
    "it": "gennaio|gen febbraio|feb marzo|mar aprile|apr maggio|mag giugno|giu luglio|lug "
    "agosto|ago settembre|set|sett ottobre|ott novembre|nov dicembre|dic",
    "pt": "janeiro|jan fevereiro|fev março|mar|marco abril|abr maio|mai junho|jun julho|jul "
    "agosto|ago setembro|set outubro|out novembro|nov dezembro|dez",
    "nl": "januari|jan februari|feb maart|mrt april|apr mei juni|jun juli|jul augustus|aug "
    "september|sep|sept oktober|okt november|nov december|dec",
    "sl": "januar|jan februar|feb marec|mar april|apr maj junij|jun julij|jul avgust|avg "
    "september|sep|sept oktober|okt november|nov december|dec",
    "hr": "siječanj|sij veljača|velj|vlj ožujak|ožu travanj|tra svibanj|svi lipanj|lip srpanj|srp "
    "kolovoz|kol rujan|ruj listopad|lis studeni|stu prosinac|pro",
    "pl": "styczeń|stycznia|sty luty|lutego|lut marzec|marca|mar kwiecień|kwietnia|kwi maj|maja "
    "czerwiec|czerwca|cze lipiec|lipca|lip sierpień|sierpnia|sie wrzesień|września|wrz "
    "październik|października|paź listopad|listopada|lis grudzień|grudnia|gru",
    "cs": "leden|ledna|led únor|února|úno březen|března|bře duben|dubna|dub květen|května|kvě "
    "červen|června|čvn červenec|července|čvc srpen|srpna|srp září|zář říjen|října|říj "
    "listopad|listopadu|lis prosinec|prosince|pro",
    "sv": "januari|jan februari|feb mars|mar april|apr maj juni|jun juli|jul augusti|aug "
    "september|sep|sept oktober|okt november|nov december|dec",
    "da": "januar|jan februar|feb marts|mar april|apr maj juni|jun juli|jul august|aug "
    "september|sep|sept oktober|okt november|nov december|dec",
    "hu": "január|jan február|feb|febr március|márc|már április|ápr május|máj június|jún "
    "július|júl augusztus|aug szeptember|szept|szep október|okt november|nov december|dec",
    "tr": "ocak|oca şubat|şub mart|mar nisan|nis mayıs|may haziran|haz temmuz|tem ağustos|ağu "
    "eylül|eyl ekim|eki kasım|kas aralık|ara",
    "zh": "一月 二月 三月 四月 五月 六月 七月 八月 九月 十月 十一月 十二月",
}

MONTHS: Final[Mapping[str, Mapping[str, int]]] = {
    language: {
        name: number
        for number, names in enumerate(text.split(), start=1)
        for name in names.split("|")
    }
    for language, text in _NAMES.items()
}
"""Language -> name in lower case -> month, 1 to 12."""


def months_of(names: Iterable[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Give the month of each name and the languages that know all of them.

    No language knows all: both are empty. Where languages that know all of them disagree about a
    month, that name is left out; the caller must ask.
    """
    wanted = sorted({name.casefold() for name in names})
    languages = tuple(code for code, known in MONTHS.items() if known.keys() >= set(wanted))
    found: dict[str, int] = {}
    for name in wanted:
        numbers = {MONTHS[code][name] for code in languages}
        if len(numbers) == 1:
            found[name] = numbers.pop()
    return found, languages
