import torch
import torch.nn as nn

# 创建一个线性层：输入维度10，输出维度5
linear_layer = nn.Linear(in_features=10, out_features=5)

# 随机生成输入张量 (batch_size=2, input_features=10)
input_tensor = torch.randn(2, 10)

output_tensor = linear_layer(input_tensor)

print("输入形状:", input_tensor.shape)    # 输出: torch.Size([2, 10])
print("输出形状:", output_tensor.shape)   # 输出: torch.Size([2, 5])
print("权重形状:", linear_layer.weight.shape)  # 输出: torch.Size([5, 10])
print("偏置形状:", linear_layer.bias.shape)    # 输出: torch.Size([5])
