import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../../lib/index.ts'
import type { Changed, Side } from './compare-builds.ts'
import { differencesOf, membersOf, type MemberDifference } from './members.ts'

/** What differs within one artifact. */
export interface FileComparison {
  readonly name: string
  /** Why it was not looked into. */
  readonly why?: string
  readonly format?: string
  readonly members?: readonly MemberDifference[]
  /** How many members differ. */
  readonly count?: number
}

const maxFiles = 100
const maxDifferences = 200

/** Of each artifact that differs, what is different in it: the files are looked for by name in both folders, and are to have the digests of their builds. */
export async function compareFiles(
  a: Side,
  b: Side,
  changed: readonly Changed[],
  [folderA, folderB]: readonly [string, string],
): Promise<FileComparison[]> {
  const compared: FileComparison[] = []
  for (const { name } of changed.slice(0, maxFiles)) {
    const [digestA, digestB] = [a.artifacts.get(name), b.artifacts.get(name)]
    if (digestA === undefined || digestB === undefined) continue
    const [one, other] = [await fileOf(folderA, name, digestA), await fileOf(folderB, name, digestB)]
    const why = one.why ?? other.why
    compared.push(why === undefined ? await lookInto(name, one.path, other.path) : { name, why })
  }
  return compared
}

async function lookInto(name: string, a: string, b: string): Promise<FileComparison> {
  const [one, other] = [await membersOf(a), await membersOf(b)]
  if (!one.ok) return { name, why: one.why }
  if (!other.ok) return { name, why: other.why }
  const members = differencesOf(one.members, other.members)
  const format = one.format === other.format ? one.format : `${one.format} and ${other.format}`
  return { name, format, members: members.slice(0, maxDifferences), count: members.length }
}

/** A name in a statement is the step's to choose: it leads to no other folder. */
async function fileOf(
  folder: string,
  name: string,
  sha256: string,
): Promise<{ readonly path: string; readonly why?: string }> {
  const path = join(folder, name)
  if (name.startsWith('/') || name.split('/').includes('..'))
    return { path, why: 'its name leads out of the folder' }
  try {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
    if (hash.digest('hex') === sha256) return { path }
    return { path, why: `the file in ${folder} is not the one that was built: its digest is another` }
  } catch (error) {
    return { path, why: `it is not in ${folder}: ${messageOf(error)}` }
  }
}
