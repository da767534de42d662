import { randomUUID } from 'node:crypto'
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { MayflyError, messageOf } from '../lib/index.ts'
import { junitXml, type JobResult } from '../runner/index.ts'

/** A file for the results of a job. */
interface ResultsFile extends Disposable {
  write(text: string): void
}

/**
 * Its folder is opened before any step runs. What a step puts in the file's place, or in that of a folder above it, is then
 * not followed: a link named `results.xml` would else have us write wherever it leads. Throws `bad_input`.
 */
function openResultsFile(path: string, option: string): ResultsFile {
  const full = resolve(path)
  let folder: number
  try {
    folder = openSync(dirname(full), constants.O_RDONLY | constants.O_DIRECTORY)
  } catch (cause) {
    throw new MayflyError('bad_input', `${option} ${path}: ${messageOf(cause)}`, { cause })
  }
  const inFolder = `/proc/self/fd/${folder}`
  return {
    write(text) {
      const draft = `${inFolder}/.${basename(full)}.${randomUUID()}`
      try {
        writeFileSync(draft, text, { flag: 'wx', mode: 0o644 })
        renameSync(draft, `${inFolder}/${basename(full)}`)
        // A step that moved the folder away may have left another file where the CI looks.
        assertSamePlace(folder, dirname(full))
      } catch (cause) {
        rmSync(draft, { force: true })
        throw new MayflyError('bad_input', `${option} ${path} cannot be written: ${messageOf(cause)}`, {
          cause,
        })
      }
    },
    [Symbol.dispose]: () => closeSync(folder),
  }
}

function assertSamePlace(folder: number, path: string): void {
  const [ours, there] = [fstatSync(folder), statSync(path, { throwIfNoEntry: false })]
  if (ours.dev !== there?.dev || ours.ino !== there.ino)
    throw new MayflyError(
      'bad_input',
      `a step moved its folder ${path}: what is there now is not ours; name a folder outside of the workspace`,
    )
}

/** The files that were asked for by `--junit` and `--results`. What is written must be masked. Throws `bad_input`. */
export function openResultsFiles(options: { readonly junit?: string; readonly results?: string }): {
  write(result: JobResult): void
  [Symbol.dispose](): void
} {
  using opening = new DisposableStack()
  const open = (path: string | undefined, option: string) =>
    path === undefined ? undefined : opening.use(openResultsFile(path, option))
  const [junit, results] = [open(options.junit, '--junit'), open(options.results, '--results')]
  const opened = opening.move()
  return {
    write(result) {
      junit?.write(junitXml(result))
      results?.write(`${JSON.stringify(result)}\n`)
    },
    [Symbol.dispose]: () => opened.dispose(),
  }
}
