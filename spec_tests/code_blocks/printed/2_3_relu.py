import torch
import torch.nn as nn


class SimpleCNN(nn.Module):
    """一个非常简洁的卷积神经网络（CNN），用于 CIFAR10 分类。"""

    def __init__(self):
        super().__init__()
        self.ReLU = nn.ReLU()

    def forward(self, x):
        x = self.ReLU(x)
        return x


def main():
    a = torch.randn(10)
    model = SimpleCNN()
    outputs = model(a)
    print(a,outputs)
    # tensor([ 0.3132, -0.0041, -0.9163,  1.1990, -0.4604, -1.4164, -0.2908, -1.6122,0.8373,  0.5947]) 
    # tensor([0.3132, 0.0000, 0.0000, 1.1990, 0.0000, 0.0000, 0.0000, 0.0000, 0.8373,0.5947])
