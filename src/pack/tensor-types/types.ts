import { GGMLQuantizationType } from '@huggingface/gguf'
import type { GgufBlockType } from './block-type.ts'
import { bf16, f16, f32 } from './floats.ts'
import { q4_K, q5_K, q6_K } from './k.ts'
import { q4_0, q4_1, q5_0, q5_1, q8_0 } from './simple.ts'

const types = [f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_K, q5_K, q6_K]

/** Names of all tensor types that can be imported. */
export const ggufTypeNames: readonly string[] = types.map(({ name }) => name)

/** A tensor type by its name in ggml, or undefined where it cannot be imported. */
export function ggufType(name: string): GgufBlockType | undefined {
  return types.find((type) => type.name === name)
}

/** Name of a tensor type by its number in the file. */
export function ggufTypeName(number: number): string {
  return GGMLQuantizationType[number] ?? `type ${number}`
}
