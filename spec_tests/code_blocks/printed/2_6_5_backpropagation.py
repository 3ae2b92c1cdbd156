def main():
    dataset = datasets.CIFAR10(
        root="./dataset", train=False, download=True, transform=transforms.ToTensor()
    )
    dataloader = DataLoader(dataset, batch_size=1, shuffle=False)
    loss = nn.CrossEntropyLoss()

    for batch in dataloader:
        images, labels = batch
        model = CIFAR10CNN()
        # 前向传播
        outputs = model(images)
        # 计算损失
        loss_value = loss(outputs, labels)
        # 反向传播
        # 计算出的 loss 值具备 backward 方法，调用后可自动完成反向传播，为每个可训练参数计算梯度。  
        # 初始时网络参数的 grad 属性为空，执行 backward 后梯度被写入，供优化器更新网络参数。
        loss_value.backward()
