"""What `--exercise` says beside the sentences of the rungs, in English and Chinese."""

WORDS = {
    "en": {
        "title": "{subject}, rung by rung in the document's order",
        "section": "section {section}",
        "beyond": "beyond the document",
        "gradient": "the gradient of {operation}",
        "test": "the requirement: {test}",
        "yours": "your {name}",
        "right": "right {name}",
        "line": "in {file}, line {line}",
        "hint": "Hint: {hint}",
        "endless": "Which loop does not end? Does its counter grow in every branch?",
        "ended": "The function ended the program. It has to return, whatever it is given.",
        "error": "Python says what was wrong, and where. Which argument is missing, or of another shape, in this call?",
        "results": "Return all of them, in this order: {names}; None for one that is not there.",
        "printed": "it printed: {text}",
        "plainly": "{name}: got {got}, {right} is right",
        "plainly_at": "{name} at {at}: got {got}, {right} is right",
        "silent": "{operation} has not answered for {seconds:.0f} s. Is there an endless loop? Ctrl-C ends the run; "
        "with --time-limit 2 such a call fails by itself.",
        "quick": "Only the rungs with cases of their own were tried; once they are right, everything is. "
        "--exercise counts all points.",
        "more": "(cut; --verbose shows all of it, and a program of its own)",
        "hidden": "{count} more rungs are hidden until this one is right",
        "one_hidden": "1 more rung is hidden until this one is right",
        "not_offered": "{sentence}: not offered ({reason})",
        "waits": "it needs these to be right as well: {operations}",
        "not_begun": "{function} is not begun. Write first what makes this true: {sentence}. The document: {section}",
        "no_function": "{function} is not in the file",
        "score": "points",
        "all": "in all",
        "next": "Next: {sentence} ({operation}, {section}).",
        "begin": "Next: begin {function} ({section}). Put your own code in the place of its `raise`.",
        "done": "All rungs of what the file offers are right.",
        "nothing": "Nothing is begun yet: every function raises NotImplementedError.",
    },
    "zh": {
        "title": "{subject}，按文档的顺序一级一级地检查",
        "section": "第 {section} 节",
        "beyond": "文档之外",
        "gradient": "{operation} 的梯度",
        "test": "要求：{test}",
        "yours": "你的 {name}",
        "right": "正确的 {name}",
        "line": "位于 {file} 第 {line} 行",
        "hint": "提示：{hint}",
        "endless": "哪个循环没有结束？它的计数器在每个分支里都增加吗？",
        "ended": "这个函数让程序退出了。无论给它什么，它都应当返回结果。",
        "error": "Python 说明了错在哪里。在这次调用里，哪个参数没有给出，或者形状不同？",
        "results": "按这个顺序返回全部：{names}；没有的返回 None。",
        "printed": "它打印了：{text}",
        "plainly": "{name}：得到 {got}，正确的是 {right}",
        "plainly_at": "{name} 的 {at} 处：得到 {got}，正确的是 {right}",
        "silent": "{operation} 已经 {seconds:.0f} 秒没有给出结果。是不是死循环？Ctrl-C 结束运行；"
        "加上 --time-limit 2，这样的调用会自动算作失败。",
        "quick": "这里只试了有专门例子的级；它们都正确之后，再试全部。--exercise 统计全部得分。",
        "more": "（已截短；--verbose 显示全部，并给出可单独运行的程序）",
        "hidden": "在这一级正确之前，后面的 {count} 级不显示",
        "one_hidden": "在这一级正确之前，后面的 1 级不显示",
        "not_offered": "{sentence}：未提供（{reason}）",
        "waits": "还需要这些函数也正确：{operations}",
        "not_begun": "{function} 还没有开始。先写出使下面这句成立的代码：{sentence}。文档：{section}",
        "no_function": "文件中没有 {function}",
        "score": "得分",
        "all": "总计",
        "next": "下一步：{sentence}（{operation}，{section}）。",
        "begin": "下一步：开始写 {function}（{section}）。用你自己的代码代替其中的 `raise`。",
        "done": "文件提供的所有级都正确。",
        "nothing": "还什么都没有开始：每个函数都抛出 NotImplementedError。",
    },
}


def section(number: str, language: str) -> str:
    """Say which section of the document something stands in."""
    words = WORDS[language]
    return words["section"].format(section=number) if number else words["beyond"]


def bracketed(text: str, language: str) -> str:
    """Return a text in the brackets of a language, with the space before them.

    >>> bracketed("section 2.3", "en"), bracketed("第 2.3 节", "zh")
    (' (section 2.3)', '（第 2.3 节）')
    """
    return f"（{text}）" if language == "zh" else f" ({text})"
