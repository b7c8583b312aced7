"""Train MobileNetV1-0.25 with PyTorch: forward, backward, SGD with momentum.

Usage: train_torch.py SIDE BATCH THREADS FORMAT, FORMAT one of channels_last, contiguous_format. For each line on standard input it trains for about a second and prints the median
seconds of a step. It prints "ready" first.
"""
import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(sys.argv[3]))
memory_format = getattr(torch, sys.argv[4])
torch.manual_seed(1)
side, batch = int(sys.argv[1]), int(sys.argv[2])

BLOCKS = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)] + [(128, 1)] * 5 + [(256, 2), (256, 1)]


def stage(inputs, outputs, kernel, stride, groups):
    padding = 0
    layers = []
    if kernel == 3:
        if stride == 2:
            layers.append(nn.ZeroPad2d((0, 1, 0, 1)))
        else:
            padding = 1
    layers.append(nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False))
    layers.append(nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.05))
    layers.append(nn.ReLU6(inplace=True))
    return layers


layers = stage(3, 8, 3, 2, 1)
channels = 8
for outputs, stride in BLOCKS:
    layers += stage(channels, channels, 3, stride, channels)
    layers += stage(channels, outputs, 1, 1, 1)
    channels = outputs
layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 100)]
model = nn.Sequential(*layers).to(memory_format=memory_format)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-4)
loss_function = nn.CrossEntropyLoss()
images = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8).contiguous(memory_format=memory_format)
labels = torch.arange(batch) % 100


def step():
    optimizer.zero_grad(set_to_none=True)
    inputs = images.float() / 128 - 1
    loss_function(model(inputs), labels).backward()
    optimizer.step()


for _ in range(3):
    step()
print("ready", torch.__version__, flush=True)
for _ in sys.stdin:
    times = []
    end = time.perf_counter() + 1.0
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    times.sort()
    print(times[len(times) // 2], flush=True)
