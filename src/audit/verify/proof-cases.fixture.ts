import { leavesOf, referencePath, referenceProof, referenceRoot } from './reference.fixture.ts'

type Hash = Uint8Array

export interface InclusionCase {
  name: string
  claim: { index: number; size: number; leaf: Hash; root: Hash }
  proof: Hash[]
  holds: boolean
}

export interface ConsistencyCase {
  name: string
  claim: { oldSize: number; newSize: number; oldRoot: Hash; newRoot: Hash }
  proof: Hash[]
  holds: boolean
}

const empty = referenceRoot([])
const garbage = Buffer.alloc(32, 0x5a)
const nothing = new Uint8Array(0)

/** A true inclusion proof, and every way to spoil it that transparency-dev/merkle tries on its own verifier. */
export function inclusionCases(index: number, size: number): InclusionCase[] {
  const leaves = leavesOf(size)
  const claim = { index, size, leaf: leaves[index]!, root: referenceRoot(leaves) }
  const proof = referencePath(index, leaves)
  const name = (what: string) => `entry ${index} of ${size}: ${what}`
  const spoilt: [what: string, claim: Partial<typeof claim>, proof?: Hash[]][] = [
    ['index - 1', { index: index - 1 }],
    ['index + 1', { index: index + 1 }],
    ['index ^ 2', { index: index ^ 2 }],
    ['size * 2', { size: size * 2 }],
    ['size / 2', { size: Math.floor(size / 2) }],
    ['size 0', { size: 0 }],
    ['wrong leaf', { leaf: garbage }],
    ['empty leaf', { leaf: nothing }],
    ['leaf of an empty tree', { leaf: empty }],
    ['wrong root', { root: garbage }],
    ['empty root', { root: nothing }],
    ['root of an empty tree', { root: empty }],
    ['neither leaf nor root', { leaf: nothing, root: nothing }],
    ...spoilProof(proof, claim.root).map(([what, bad]): [string, object, Hash[]] => [what, {}, bad]),
  ]
  return [
    { name: name('true'), claim, proof, holds: true },
    ...spoilt.map(([what, change, bad]) => ({
      name: name(what),
      claim: { ...claim, ...change },
      proof: bad ?? proof,
      holds: false,
    })),
  ]
}

/** The same for a consistency proof; `oldSize` from 1 up to below `newSize`. */
export function consistencyCases(oldSize: number, newSize: number): ConsistencyCase[] {
  const leaves = leavesOf(newSize)
  const oldRoot = referenceRoot(leaves.slice(0, oldSize))
  const newRoot = referenceRoot(leaves)
  const claim = { oldSize, newSize, oldRoot, newRoot }
  const proof = referenceProof(oldSize, leaves)
  const name = (what: string) => `${oldSize} to ${newSize}: ${what}`
  const spoilt: [what: string, claim: Partial<typeof claim>, proof?: Hash[]][] = [
    ['old size - 1', { oldSize: oldSize - 1 }],
    ['old size + 1', { oldSize: oldSize + 1 }],
    ['old size ^ 2', { oldSize: oldSize ^ 2 }],
    ['new size * 2', { newSize: newSize * 2 }],
    ['new size / 2', { newSize: Math.floor(newSize / 2) }],
    ['sizes swapped', { oldSize: newSize, newSize: oldSize }],
    ['wrong old root', { oldRoot: garbage }],
    ['wrong new root', { newRoot: garbage }],
    ['no roots', { oldRoot: nothing, newRoot: nothing }],
    ['roots swapped', { oldRoot: newRoot, newRoot: oldRoot }],
    ['no proof', {}, []],
    ['old root before', {}, [oldRoot, ...proof]],
    ['old root after', {}, [...proof, oldRoot]],
    ['first hash twice', {}, [proof[0]!, ...proof]],
    ...spoilProof(proof, newRoot).map(([what, bad]): [string, object, Hash[]] => [what, {}, bad]),
  ]
  return [
    { name: name('true'), claim, proof, holds: true },
    ...spoilt.map(([what, change, bad]) => ({
      name: name(what),
      claim: { ...claim, ...change },
      proof: bad ?? proof,
      holds: false,
    })),
  ]
}

function spoilProof(proof: readonly Hash[], root: Hash): [what: string, proof: Hash[]][] {
  const middle = proof.length >> 1
  const bit = (hash: Hash, at: number) => hash.with(at >> 3, hash[at >> 3]! ^ (1 << (at & 7)))
  return [
    ['an empty hash before', [nothing, ...proof]],
    ['an empty hash after', [...proof, nothing]],
    ['garbage before', [garbage, ...proof]],
    ['garbage after', [...proof, garbage]],
    ['root before', [root, ...proof]],
    ['root after', [...proof, root]],
    ['a hash put in', proof.toSpliced(middle, 0, garbage)],
    ...(proof.length === 0 ? [] : spoilHashes(proof, middle)),
    ...proof.flatMap((hash, i): [string, Hash[]][] => [
      [`bit 3 of hash ${i}`, proof.with(i, bit(hash, 3))],
      [`bit 255 of hash ${i}`, proof.with(i, bit(hash, 255))],
    ]),
  ]
}

function spoilHashes(proof: readonly Hash[], middle: number): [what: string, proof: Hash[]][] {
  return [
    ['first hash left out', proof.slice(1)],
    ['last hash left out', proof.slice(0, -1)],
    ['a hash left out', proof.toSpliced(middle, 1)],
    ['a hash cut', proof.with(middle, proof[middle]!.subarray(0, 31))],
    ...(proof.length > 1 ? ([['hashes reversed', proof.toReversed()]] as [string, Hash[]][]) : []),
  ]
}

/** Claims about trees of no entries and of one. */
export function smallestCases(): ConsistencyCase[] {
  const one = leavesOf(1)[0]!
  const of = (
    name: string,
    holds: boolean,
    [oldSize, newSize]: [number, number],
    [oldRoot, newRoot]: [Hash, Hash],
    proof: Hash[] = [],
  ): ConsistencyCase => ({ name, holds, claim: { oldSize, newSize, oldRoot, newRoot }, proof })
  return [
    of('0 to 0', true, [0, 0], [empty, empty]),
    of('0 to 0, another root', false, [0, 0], [garbage, garbage]),
    of('0 to 0, two roots', false, [0, 0], [empty, garbage]),
    of('0 to 0, with a proof', false, [0, 0], [empty, empty], [empty]),
    of('0 to 1', true, [0, 1], [empty, one]),
    of('0 to 1, an old root that is none', false, [0, 1], [garbage, one]),
    of('0 to 1, with a proof', false, [0, 1], [empty, one], [one]),
    of('1 to 1', true, [1, 1], [one, one]),
    of('1 to 1, two roots', false, [1, 1], [one, garbage]),
    of('1 to 1, with a proof', false, [1, 1], [one, one], [one]),
    of('1 to 0', false, [1, 0], [one, empty]),
    of('2 to 1', false, [2, 1], [one, one]),
    of('-1 to 1', false, [-1, 1], [empty, one]),
    of('1 to half', false, [1, 1.5], [one, one]),
    of('0 to beyond all numbers', false, [0, 2 ** 53], [empty, one]),
  ]
}

/** The pairs that transparency-dev/merkle spoils, and the seams of our tiles. */
export const inclusionPairs: [index: number, size: number][] = [
  [0, 1],
  [0, 8],
  [5, 8],
  [2, 3],
  [1, 5],
  [4, 5],
  [255, 256],
  [0, 257],
  [256, 257],
  [300, 517],
]

export const consistencyPairs: [oldSize: number, newSize: number][] = [
  [1, 8],
  [6, 8],
  [2, 5],
  [6, 7],
  [1, 2],
  [4, 8],
  [255, 256],
  [256, 257],
  [255, 600],
  [256, 600],
  [512, 517],
]
