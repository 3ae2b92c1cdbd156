def loss_fn2():
    loss_mean = nn.MSELoss(reduction="mean")
    loss_sum = nn.MSELoss(reduction="sum")
    input = torch.tensor([1, 2, 3, 4, 5])
    target = torch.tensor([1.5, 2.5, 3.5, 4.5, 5.5])
    output_mean = loss_mean(input, target)
    output_sum = loss_sum(input, target)
    print(output_mean)
    print(output_sum)
    # tensor(0.2500): (0.5^2 + 0.5^2 + 0.5^2 + 0.5^2 + 0.5^2) / 5 = 0.25
    # tensor(1.2500)
