import torch
import torch.nn as nn
import math


def calculate_pytorch_loss(probs_tensor, targets_tensor, model_name):
    criterion = nn.NLLLoss(reduction="mean")
    log_probs = torch.log(probs_tensor)
    loss = criterion(log_probs, targets_tensor)
    return loss.item()


def main():
    # 数据准备
    # 类别映射: 0:猫, 1:狗, 2:猪

    # --- 模型 1 数据 ---
    # 样本1: 预测[0.3, 0.3, 0.4], 真实: 猪(2)
    # 样本2: 预测[0.3, 0.4, 0.3], 真实: 狗(1)
    # 样本3: 预测[0.1, 0.2, 0.7], 真实: 猫(0)
    model1_probs = torch.tensor(
        [[0.3, 0.3, 0.4], [0.3, 0.4, 0.3], [0.1, 0.2, 0.7]], dtype=torch.float32
    )
    model1_targets = torch.tensor([2, 1, 0], dtype=torch.long)

    # --- 模型 2 数据 ---
    # 样本1: 预测[0.1, 0.2, 0.7], 真实: 猪(2)
    # 样本2: 预测[0.1, 0.7, 0.2], 真实: 狗(1)
    # 样本3: 预测[0.3, 0.4, 0.3], 真实: 猫(0)
    model2_probs = torch.tensor(
        [[0.1, 0.2, 0.7], [0.1, 0.7, 0.2], [0.3, 0.4, 0.3]], dtype=torch.float32
    )
    model2_targets = torch.tensor([2, 1, 0], dtype=torch.long)
    # --- 执行计算 ---
    calculate_pytorch_loss(model1_probs, model1_targets, "模型 1")
    calculate_pytorch_loss(model2_probs, model2_targets, "模型 2")


if __name__ == "__main__":
    main()

