// What the scripted model says in the pictures.

export const THOUGHTS = ` The user asks whether 9.11 is larger than 9.8. This is a well-known trap: as version numbers 9.11 comes after 9.8, but as decimal numbers the digits behind the point are tenths and hundredths.

Let me compare them place by place. Both have 9 before the point. The tenths are 1 and 8. Since $1 < 8$, 9.11 is smaller. To be sure, I subtract: 9.8 − 9.11 = 0.69, which is positive.

- As decimals: **9.8** is larger.
- As versions: 9.11 comes later.

I should say both, in this order, and keep it short.`

export const RICH = `## The sum of squares

The sum of the first $n$ squares has a **closed form**, so that no loop is needed:

$$\\sum_{k=1}^{n} k^2 = \\frac{n(n+1)(2n+1)}{6}$$

\`\`\`python
def sum_of_squares(n: int) -> int:
    """1² + 2² + … + n², without a loop."""
    return n * (n + 1) * (2 * n + 1) // 6
\`\`\`

| n | sum | digits |
|--:|----:|:------:|
| 10 | 385 | 3 |
| 1,000 | 333,833,500 | 9 |
| 1,000,000 | 333,333,833,333,500,000 | 18 |

1. Check the formula for \`n = 1\`: it gives 1.
2. Step from $n$ to $n + 1$: add $(n+1)^2$, and the formula holds again.
   - The factor 6 always divides, because one of three neighbours is a multiple of 3.

> It is exact in integers; in floating point it loses digits above $2^{53}$.

In short, the sum grows with the cube of n.`

export const CODE = `Sunlight is scattered by the molecules of the air, and the shorter its wave is, the more: by the **fourth power** of its frequency.

\`\`\`js
const scattered = (wavelength) => wavelength ** -4
scattered(450) / scattered(700) // 5.9
\`\`\``

export const LONG_ANSWER = [
  'Sunlight has all colours. On its way through the air it meets molecules that are much smaller than its waves, and these scatter short waves far more than long ones, so that blue light comes from everywhere in the sky.',
  'The effect is named after Lord Rayleigh, who found in 1871 that the scattered part grows with the fourth power of the frequency. Violet is scattered even more than blue, but the sun sends less of it, the upper air takes some of it away, and our eyes are less open to it. In the evening the light comes a longer way through the air: most of the blue is gone by then, and what is left is red.',
] as const

export const WEATHER =
  'It is **21 °C** and clear in Chengdu, with a light wind from the north-east. A table for two is booked at Chen Mapo Tofu at 19:30.'

export const CHINESE = `**简短回答：**天空呈蓝色，是因为空气分子对短波光的散射更强。

1. **瑞利散射**：散射强度与波长的四次方成反比，$I \\propto \\lambda^{-4}$。
2. **人眼**：我们对蓝光比对紫光更敏感。

| 颜色 | 波长（纳米） | 相对散射 |
|---|--:|--:|
| 蓝色 | 450 | 5.9 |
| 红色 | 700 | 1 |

日落时光线穿过大气的路径更长（约 5~10 分钟内变化明显），所以**「天空」**呈现红色。`
