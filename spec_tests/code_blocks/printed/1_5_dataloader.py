from torch.utils.tensorboard import SummaryWriter
from torchvision import transforms, datasets
from torch.utils.data import DataLoader


def main():
    # 加载训练集
    train_dataset = datasets.CIFAR10(
        root="./dataset", train=False, download=True, transform=transforms.ToTensor()
    )
    writer = SummaryWriter("logs")
    dataloader = DataLoader(train_dataset, batch_size=64, shuffle=True)
    step = 0
    for batch in dataloader:
        images, labels = batch
        writer.add_images("Batch Images2", images, step)
        print(step)
        step += 1
    writer.close()


if __name__ == "__main__":
    main()

