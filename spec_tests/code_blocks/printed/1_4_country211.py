from torchvision.datasets import Country211

# 加载训练集
train_dataset = Country211(root='./data', Train=True, download=True)
