import { basename, resolve } from 'node:path'
import type { Manifest } from '../weights/manifest.ts'
import type { TensorClass } from '../weights/tensor-shapes.ts'
import { PackError } from './pack-error.ts'

const classes = ['embedding', 'attention', 'ffn', 'head'] as const satisfies readonly TensorClass[]

/** Planes asked for, by class of tensor; a class that is absent keeps the precision of the file. */
export type PlanesByClass = Partial<Record<TensorClass, number>>

function planesOf(text: string): number {
  if (!/^[2-8]$/.test(text)) throw new PackError('option_invalid', `--planes: ${text} is not a number from 2 to 8`)
  return Number(text)
}

/** `4`, or `embedding=8,attention=4,ffn=3,head=6`. Throws PackError. */
export function parsePlanes(option: string): PlanesByClass {
  if (!option.includes('=')) {
    const planes = planesOf(option)
    return Object.fromEntries(classes.map((name) => [name, planes]))
  }
  const byClass: PlanesByClass = {}
  for (const part of option.split(',')) {
    const [, name, planes] = part.match(/^(\w+)=(.*)$/) ?? []
    const known = classes.find((candidate) => candidate === name)
    if (known === undefined) {
      throw new PackError('option_invalid', `--planes: "${part}" is not one of ${classes.join('=, ')}= with a number`)
    }
    byClass[known] = planesOf(planes)
  }
  return byClass
}

/** A folder that is written to: an unset variable of a shell is none, and would be the working directory. Throws PackError. */
export function parseFolder(option: string): string {
  if (option !== '') return option
  throw new PackError('option_invalid', '--out, --cache: no folder is given')
}

/** The model's name in the API: that of the folder of the pack, unless given. Throws PackError. */
export function parseName(out: string, name = basename(resolve(out))): string {
  if (name === '') throw new PackError('option_invalid', '--name: the model needs a name, and the folder has none')
  return name
}

/** 32, 64 or 128. Throws PackError. */
export function parseGroup(option: string): 32 | 64 | 128 {
  const group = Number(option)
  if (group === 32 || group === 64 || group === 128) return group
  throw new PackError('option_invalid', `--group: ${option} is not 32, 64 or 128`)
}

/** Bits a weight. Throws PackError. */
export function parseBits(option: string): number {
  return numberWithin('--bits', option, 1, 8)
}

/** The model's own sampling settings, where given. Throws PackError. */
export function parseSampling(temperature?: string, topP?: string): Manifest['sampling'] {
  return {
    ...(temperature !== undefined && { temperature: numberWithin('--temperature', temperature, 0, 2) }),
    ...(topP !== undefined && { topP: numberWithin('--top-p', topP, 0, 1) }),
  }
}

function numberWithin(option: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= least && value <= most) return value
  throw new PackError('option_invalid', `${option}: ${text} is not a number from ${least} to ${most}`)
}
