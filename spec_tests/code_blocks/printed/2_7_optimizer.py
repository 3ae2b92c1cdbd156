def main():
    dataset = datasets.CIFAR10(
        root="./dataset", train=False, download=True, transform=transforms.ToTensor()
    )
    dataloader = DataLoader(dataset, batch_size=1, shuffle=False)
    loss = nn.CrossEntropyLoss()
    # 初始化优化器
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for batch in dataloader:
        images, labels = batch
        model = CIFAR10CNN()
        # 前向传播
        outputs = model(images)
        # 计算损失
        loss_value = loss(outputs, labels)
        # 优化器更新参数前，需要先将梯度清零, 否则梯度会累加, 导致错误的参数更新
        optimizer.zero_grad()
        loss_value.backward()
        # 优化器根据计算得到的梯度，更新模型参数
        optimizer.step()
