import torchvision.models as models, ResNet50_Weights

# 下载预训练的 ResNet - 50 模型
# Old weights with accuracy 76.130%
resnet50(weights=ResNet50_Weights.IMAGENET1K_V1)

# New weights with accuracy 80.858%
resnet50(weights=ResNet50_Weights.IMAGENET1K_V2)

# no weights
resnet50()
