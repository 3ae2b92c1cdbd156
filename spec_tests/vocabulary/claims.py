"""The registers of the document's claims (`claims.toml`) and of the known deviations (`deviations.toml`), as data."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

SECTIONS = {
    "1": "torchvision",
    "1.1": "TensorBoard",
    "1.2": "Transforms",
    "1.3": "Common transforms",
    "1.4": "Datasets",
    "1.5": "DataLoader",
    "2.1": "Convolution layer",
    "2.1.1": "Output size",
    "2.1.2": "Worked convolution",
    "2.2": "Max pooling",
    "2.3": "Activation",
    "2.4": "Linear layer",
    "2.5": "CIFAR-10 network",
    "2.6": "Losses",
    "2.6.1": "L1Loss",
    "2.6.2": "MSELoss",
    "2.6.3": "Cross entropy and NLL",
    "2.6.4": "Cross entropy in code",
    "2.6.5": "Backpropagation",
    "2.7": "Optimizers",
    "2.8": "ResNet-50",
    "3": "Beyond the document",
}
SECTIONS_ZH = {
    "1": "torchvision",
    "1.1": "TensorBoard",
    "1.2": "图像变换",
    "1.3": "常用的图像变换",
    "1.4": "数据集",
    "1.5": "DataLoader",
    "2.1": "卷积层",
    "2.1.1": "输出尺寸",
    "2.1.2": "手算的卷积例子",
    "2.2": "最大池化",
    "2.3": "激活函数",
    "2.4": "全连接层",
    "2.5": "CIFAR-10 网络",
    "2.6": "损失函数",
    "2.6.1": "L1Loss",
    "2.6.2": "MSELoss",
    "2.6.3": "交叉熵与 NLL",
    "2.6.4": "用代码计算交叉熵",
    "2.6.5": "反向传播",
    "2.7": "优化器",
    "2.8": "ResNet-50",
    "3": "文档之外",
}
NEEDS = ("data", "network", "gpu", "slow")


@dataclass(frozen=True)
class Claim:
    """One checkable statement of the document, or of ours on it."""

    id: str
    section: str
    kind: str
    verdict: str
    en: str
    zh: str
    ours: bool = False
    """Whether we say it and the document does not, so that it is none of the document's score."""
    correction_en: str = ""
    correction_zh: str = ""
    note_en: str = ""
    note_zh: str = ""
    reason_en: str = ""
    reason_zh: str = ""
    cites: str = ""
    """The source that the verdict rests on, where nothing that could decide it is executed."""
    torch: str = ""
    needs: str = ""
    printed: Any = None
    corrected: Any = None

    @property
    def is_erratum(self) -> bool:
        """Whether the document is wrong or imprecise in this point."""
        return self.verdict in ("false", "imprecise")

    @property
    def runs_by_default(self) -> bool:
        """Whether every full run must check it."""
        return self.verdict != "uncheckable" and not self.needs and not self.cites


@cache
def register() -> dict[str, Claim]:
    """Return all claims by id, in the document's order."""
    tables = tomllib.loads((Path(__file__).parents[1] / "claims.toml").read_text(encoding="utf-8"))["claim"]
    return {table["id"]: Claim(**table) for table in tables}


@cache
def deviations() -> list[dict[str, Any]]:
    """Return all known deviations."""
    entries: list[dict[str, Any]] = tomllib.loads(
        (Path(__file__).parents[1] / "deviations.toml").read_text(encoding="utf-8")
    )["deviation"]
    return entries


def erratum(id: str) -> tuple[Any, Any]:
    """Return the printed and the corrected value of a numeric erratum."""
    claim = register()[id]
    if claim.printed is None:
        raise KeyError(f"claim {id} has no printed value")
    return claim.printed, claim.corrected
