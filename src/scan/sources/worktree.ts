import { gitRecords, type GitPlace } from './git.ts'

/** Of more the names alone would fill memory. */
const mostIgnored = 1_000_000

/**
 * What Git ignores and does not have in a folder of a work tree, as paths below it; a folder of which nothing is looked at ends with `/`. What
 * Git has is not among them, though a pattern names it. Throws `bad_input` with what Git said, also where there is no repository.
 */
export async function ignoredPaths(place: GitPlace): Promise<ReadonlySet<string>> {
  const args = ['ls-files', '--others', '--ignored', '--exclude-standard', '--directory', '-z']
  const all = new Set<string>()
  // What is beyond is looked at.
  for await (const path of gitRecords({ ...place, asksIgnored: true }, args))
    if (all.size < mostIgnored) all.add(path)
  return all
}

/** The paths of the repositories in this one, whose commits it names: of them it has nothing itself. */
export async function submodulePaths(place: GitPlace): Promise<readonly string[]> {
  const paths: string[] = []
  for await (const record of gitRecords(place, ['ls-files', '--stage', '--full-name', '-z']))
    if (record.startsWith('160000 ')) paths.push(record.slice(record.indexOf('\t') + 1))
  return paths
}
