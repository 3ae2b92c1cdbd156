"""The words for results and the counts of them, which the terminal, the page, `claims.json` and the READMEs share.

The register's *verdict* on a claim is true, imprecise, false or uncheckable. The *outcome* of a test is passed, failed,
error, skipped or not run. The *result* of a run for a claim is confirmed, refined, corrected, cited, failed, not
run or uncheckable. What is counted are the claims of the document; those that are ours are counted apart.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from spec_tests.vocabulary import claims
from spec_tests.vocabulary.claims import Claim
from spec_tests.vocabulary.ledger import Entry


class Reason(NamedTuple):
    """Why a test is left out from the start."""

    en: str
    zh: str


class Word(NamedTuple):
    """A word in both languages, and one sentence that says what it means."""

    en: str
    zh: str
    meaning_en: str
    meaning_zh: str
    sign: str = ""
    """What stands before it on the page."""


VERDICTS = {
    "true": Word("true", "正确", "The document is right.", "文档的说法正确。"),
    "imprecise": Word(
        "imprecise",
        "不够准确",
        "The document is right in part, or only under a condition that it does not state.",
        "文档的说法只对了一部分，或只在某个没有写明的条件下成立。",
    ),
    "false": Word("false", "错误", "The document is wrong.", "文档的说法有误。"),
    "uncheckable": Word("uncheckable", "无法验证", "No program can decide it offline.", "程序无法离线判定这条说法。"),
}

OUTCOMES = {
    "passed": Word("passed", "通过", "The test ran and found nothing wrong.", "测试已运行，没有发现错误。", "✓"),
    "failed": Word("failed", "失败", "The test ran and found something wrong.", "测试已运行，发现了错误。", "✗"),
    "error": Word(
        "error",
        "出错",
        "What the test needs could not be set up or cleared away, so it decides nothing.",
        "测试所需的准备或清理工作出错，因此什么也没有判定。",
        "!",
    ),
    "skipped": Word("skipped", "跳过", "The test found that it does not apply here.", "测试运行时发现不适用。", "–"),
    "not run": Word("not run", "未运行", "The test was left out, or not reached.", "测试被排除在外，或没有轮到。", "○"),
}

RESULTS = {
    "confirmed": Word(
        "confirmed",
        "已证实",
        "The document is right, and every test of the claim that was run passed.",
        "文档的说法正确，已运行的相应测试全部通过。",
        "✓",
    ),
    "refined": Word(
        "refined",
        "已细化",
        "The document is imprecise; the exact statement is given, and every test of it that was run passed.",
        "文档的说法不够准确；这里给出确切的说法，已运行的相应测试全部通过。",
        "≈",
    ),
    "corrected": Word(
        "corrected",
        "已更正",
        "The document is wrong; the right statement is given, and every test of it that was run passed.",
        "文档的说法有误；这里给出正确的说法，已运行的相应测试全部通过。",
        "≠",
    ),
    "cited": Word(
        "cited",
        "据文献",
        "No test decides it: its verdict rests on the source that is given with the claim.",
        "没有测试可以判定，结论依据该条说法注明的文献。",
        "§",
    ),
    "failed": Word(
        "failed",
        "失败",
        "A test of the claim failed or ended in an error.",
        "该说法有测试失败或出错。",
        "✗",
    ),
    "not run": Word(
        "not run",
        "未运行",
        "A program can decide it, but no test of it was run: it was not asked for, or needs something not supplied.",
        "程序可以判定，但没有运行它的测试：没有要求运行，或缺少所需的东西。",
        "○",
    ),
    "uncheckable": Word(
        "uncheckable",
        "无法验证",
        "No program can decide it offline; the reason is given with the claim.",
        "程序无法离线判定，原因写在该条说法之下。",
        "–",
    ),
}

PROVEN = {"true": "confirmed", "imprecise": "refined", "false": "corrected"}
"""The result of a claim whose tests passed, by its verdict."""

LEFT_OUT = {
    "slow": Reason("slow: --slow includes them", "耗时较长：加 --slow 才运行"),
    "cifar10": Reason("the real CIFAR-10 is needed: --cifar10 PATH", "需要真正的 CIFAR-10：--cifar10 PATH"),
    "cifar100": Reason("the real CIFAR-100 is needed: --cifar100 PATH", "需要真正的 CIFAR-100：--cifar100 PATH"),
    "network": Reason("a network is needed: --network follows the links", "需要联网：加 --network 才访问链接"),
    "weights": Reason(
        "trained weights of ResNet-50 are needed: --resnet50-weights FILE",
        "需要训练好的 ResNet-50 权重：--resnet50-weights FILE",
    ),
    "torch_api": Reason("about torch itself, which is not the subject", "针对 torch 本身，而被测实现不是 torch"),
    "compares_with_reference": Reason(
        "comparison with the references, which are the subject", "与参考实现的比较，而被测实现就是参考实现"
    ),
    "tooling": Reason(
        "about this project's own tools: with torch on the CPU, --slow includes them",
        "检验本项目自己的工具：在 CPU 上测试 torch 并加 --slow 时才运行",
    ),
    "checkout": Reason(
        "about the files of this project, which an installed copy lacks", "检验本项目的文件，安装的副本中没有这些文件"
    ),
    "only": Reason("--only selects other requirements", "--only 指定了其他要求"),
    "asks_nothing": Reason("asks nothing of the subject", "不涉及被测实现"),
    "not_wanted": Reason("ONLY in the subject's file selects other requirements", "被测文件的 ONLY 指定了其他要求"),
    "not_offered": Reason("about operations that the subject does not offer", "针对被测实现没有提供的操作"),
    "no_gradient": Reason("about gradients that the subject does not offer", "针对被测实现没有提供的梯度"),
    "format": Reason("the subject does not compute in {dtype}", "被测实现不支持 {dtype}"),
    "dtype": Reason("--dtype selects other formats", "--dtype 指定了其他数值格式"),
}
"""Why tests are left out from the start: by the markers, fixtures and options that decide it."""


NOT_READ = {
    "package": Reason("{package} is needed, which is not installed", "需要 {package}，而它没有安装"),
}
"""Why whole files are not read, besides the reasons of `LEFT_OUT` that hold for every test of a file."""


def reason_zh(reason: str) -> str:
    """Return in Chinese why tests were left out, or an empty string for a reason that is none of these.

    >>> reason_zh("the subject does not compute in bfloat16")
    '被测实现不支持 bfloat16'
    """
    for en, zh in [*LEFT_OUT.values(), *NOT_READ.values()]:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[\\w.]+)", re.escape(en))
        if match := re.fullmatch(pattern, reason):
            return zh.format(**match.groupdict())
    return ""


def result_of(claim: Claim, outcomes: Collection[str]) -> str:
    """Return what a run makes of a claim whose tests ended so: one failure outweighs any number of passes."""
    if "failed" in outcomes or "error" in outcomes:
        return "failed"
    if claim.verdict == "uncheckable":
        return "uncheckable"
    if claim.cites:
        return "cited"
    return PROVEN[claim.verdict] if "passed" in outcomes else "not run"


def proven(result: str) -> bool:
    """Tell whether a claim with this result is proven: the document is right, or what is right instead is known."""
    return result in PROVEN.values()


def results_of(entries: Iterable[Entry]) -> dict[str, str]:
    """Return what a run makes of every claim of the register."""
    outcomes = defaultdict[str, set[str]](set)
    for entry in entries:
        for id in entry.claims:
            outcomes[id].add(entry.outcome)
    return {id: result_of(claim, outcomes[id]) for id, claim in claims.register().items()}


def of_the_document(results: Mapping[str, str]) -> dict[str, str]:
    """Return the results of the document's own claims."""
    return {id: result for id, result in results.items() if not claims.register()[id].ours}


def counted(results: Iterable[str]) -> dict[str, int]:
    """Return how many claims have each result, the results that none has included.

    >>> counted(["failed", "confirmed", "confirmed"])
    {'confirmed': 2, 'refined': 0, 'corrected': 0, 'cited': 0, 'failed': 1, 'not run': 0, 'uncheckable': 0}
    """
    counts = Counter(results)
    return {result: counts[result] for result in RESULTS}
