import { execFileSync, type StdioOptions } from 'node:child_process'
import { closeSync, globSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Random } from './labels/random.ts'

const sources = /\.(?:js|mjs|cjs|ts|mts|cts|tsx|json|md|css|html|ya?ml)$/
const maxBytes = 4_194_304

export interface Corpus {
  readonly folder: string
  readonly bytes: number
}

/** Sources of an installed project, in the order of their names. */
export function sourceFiles(project: string): string[] {
  return globSync('node_modules/**', { cwd: project })
    .filter((name) => sources.test(name))
    .map((name) => join(project, name))
    .filter((file) => {
      const stat = statSync(file)
      return stat.isFile() && stat.size > 0 && stat.size < maxBytes
    })
    .toSorted()
}

/**
 * Writes sources until there are that many bytes. What is written a second time gets a line that makes it another blob, and no path has
 * `node_modules` in it: there are scanners that leave out the one and the other.
 */
export function writeCorpus(
  files: readonly string[],
  folder: string,
  atLeastBytes: number,
  stride = 1,
): Corpus {
  let bytes = 0
  for (let copy = 0; bytes < atLeastBytes; copy++)
    for (const [i, file] of files.entries()) {
      if (bytes >= atLeastBytes) break
      if (i % stride !== 0) continue
      const head = copy === 0 ? '' : `copy ${copy} of ${i}\n`
      const content = Buffer.concat([Buffer.from(head), readFileSync(file)])
      const path = join(folder, `copy-${copy}`, file.replaceAll('node_modules', 'vendored'))
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, content)
      bytes += content.length
    }
  // Read once, so that all of them find it in memory.
  execFileSync('sh', ['-c', 'find . -type f -exec cat {} + >/dev/null'], { cwd: folder })
  return { folder, bytes }
}

/**
 * A repository whose blobs have that many bytes: ten revisions of each source, no two alike, over some hundred commits.
 * Revisions of a file are handed over one after the other, so that Git packs them as what changed, as a real one is packed.
 */
export function writeHistory(files: readonly string[], folder: string, atLeastBytes: number): Corpus {
  git(folder, 'init', '-q', '-b', 'main')
  const stream = join(folder, '.git/bench-import')
  const output = openSync(stream, 'w')
  const { paths, bytes } = writeBlobs(files, output, atLeastBytes)
  writeCommits(paths, output)
  closeSync(output)
  const input = openSync(stream, 'r')
  const stdio: StdioOptions = [input, 'ignore', 'pipe']
  execFileSync('git', ['-c', 'core.compression=1', 'fast-import', '--quiet'], { cwd: folder, stdio })
  closeSync(input)
  rmSync(stream)
  git(folder, 'reset', '-q', '--hard')
  return { folder, bytes }
}

const revisions = 10
const markOf = (path: number, revision: number): number => path * revisions + revision + 1

function writeBlobs(files: readonly string[], output: number, atLeastBytes: number) {
  const random = new Random('history')
  const paths: string[] = []
  let bytes = 0
  for (const file of files) {
    if (bytes >= atLeastBytes) break
    const lines = readFileSync(file, 'utf8').split('\n')
    for (let revision = 0; revision < revisions; revision++) {
      lines.splice(random.below(lines.length), 0, `// revision ${revision} of ${paths.length}`)
      const content = Buffer.from(lines.join('\n'))
      writeSync(output, `blob\nmark :${markOf(paths.length, revision)}\ndata ${content.length}\n`)
      writeSync(output, Buffer.concat([content, Buffer.from('\n')]))
      bytes += content.length
    }
    paths.push(file.replaceAll('node_modules', 'vendored').replace(/^\/+/, ''))
  }
  return { paths, bytes }
}

/** A hundred files a commit. */
function writeCommits(paths: readonly string[], output: number): void {
  for (let revision = 0; revision < revisions; revision++)
    for (let from = 0; from < paths.length; from += 100) {
      const changed = paths
        .slice(from, from + 100)
        .map((path, i) => `M 100644 :${markOf(from + i, revision)} ${JSON.stringify(path)}\n`)
      const by = `Bench <bench@example.com> ${1_700_000_000 + revision * 100_000 + from} +0000`
      writeSync(output, `commit refs/heads/main\ncommitter ${by}\ndata 3\none\n${changed.join('')}\n`)
    }
}

/** A repository in which files of some kilobytes are staged. */
export function writeStaged(files: readonly string[], folder: string, count: number): Corpus {
  git(folder, 'init', '-q', '-b', 'main')
  const author = ['-c', 'user.name=bench', '-c', 'user.email=bench@example.com']
  git(folder, ...author, 'commit', '-q', '--allow-empty', '-m', 'empty')
  let bytes = 0
  for (const [i, file] of files.slice(0, count).entries()) {
    const content = readFileSync(file).subarray(0, 6_000)
    const path = join(folder, `src/${i % 40}/${i}.js`)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    bytes += content.length
  }
  git(folder, 'add', '.')
  return { folder, bytes }
}

function git(folder: string, ...args: readonly string[]): void {
  execFileSync('git', args, { cwd: folder, stdio: 'pipe' })
}
