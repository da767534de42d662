import type { PipelineStep } from './pipeline-schema.ts'

/** One combination of a matrix. */
export type MatrixMember = Readonly<Record<string, string>>

/** Steps of one file, all combinations counted. */
export const maxSteps = 200

/** More are not even made. */
const maxCombinations = 1_000

/** How many combinations the lists of a matrix have, before any is left out; undefined if they are too many. */
export function countCombinations(matrix: NonNullable<PipelineStep['matrix']>): number | undefined {
  const { include: _, exclude: __, ...lists } = matrix
  const count = Object.values(lists).reduce((product, values) => product * values.length, 1)
  return count > maxCombinations ? undefined : count
}

/** The combinations of a step's matrix, in the order of its lists; of a step without one, a single empty one. */
export function matrixMembers(matrix: PipelineStep['matrix']): readonly MatrixMember[] {
  if (matrix === undefined) return [{}]
  if (countCombinations(matrix) === undefined) return []
  const { include, exclude, ...lists } = matrix
  const product = Object.entries(lists).reduce<MatrixMember[]>(
    (members, [name, values]) =>
      members.flatMap((member) => values.map((value) => ({ ...member, [name]: String(value) }))),
    Object.keys(lists).length === 0 ? [] : [{}],
  )
  const left = product.filter((member) => !exclude.some((one) => covers(one, member)))
  return [...left, ...include.map(texts).filter((one) => !left.some((member) => isSame(one, member)))]
}

/** `test (node=20, os=linux)` */
export function memberName(name: string, member: MatrixMember): string {
  const values = Object.entries(member).map(([key, value]) => `${key}=${value}`)
  return values.length === 0 ? name : `${name} (${values.join(', ')})`
}

/** `MATRIX_NODE=20`: the values reach a script as variables only, so none can become a part of it. */
export function matrixVariables(member: MatrixMember): Record<string, string> {
  return Object.fromEntries(
    Object.entries(member).map(([key, value]) => [`MATRIX_${key.toUpperCase()}`, value]),
  )
}

function covers(part: Readonly<Record<string, unknown>>, member: MatrixMember): boolean {
  return Object.entries(part).every(([key, value]) => member[key] === String(value))
}

function isSame(a: MatrixMember, b: MatrixMember): boolean {
  return Object.keys(a).length === Object.keys(b).length && covers(a, b)
}

function texts(member: Readonly<Record<string, unknown>>): MatrixMember {
  return Object.fromEntries(Object.entries(member).map(([key, value]) => [key, String(value)]))
}
