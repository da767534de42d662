import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { MayflyError, messageOf, systemCode } from '../lib/index.ts'
import { checkDotenv, maxDotenvBytes } from './conventions/index.ts'
import { putInside, readInside, type StepWorkspace } from './workspace/index.ts'

/**
 * The files of variables that the CI takes from the job's workspace when the job is over. Between the check at a step's end and
 * that moment later steps can write there: so what was checked is kept here, and put there once no step runs any more.
 */
export interface DotenvReports {
  /** At the end of a step that names one. Throws what the file system says where it cannot be read or replaced. */
  take(
    place: Pick<StepWorkspace, 'path' | 'inside'>,
    path: string,
    startupAllowed: boolean,
  ): readonly string[]
  /** When the last step has ended. Throws `conflict` if a file cannot be made what was checked. */
  settle(): void
}

interface Deps {
  readonly steps: readonly { readonly workspace: string; readonly dotenv?: string }[]
  readonly mask: (text: string) => string
  readonly tell: (line: string) => void
}

export function createDotenvReports({ steps, mask, tell }: Deps): DotenvReports {
  /** By place: what was checked last; undefined if there was no file then. */
  const checked = new Map<string, string | undefined>()
  const take: DotenvReports['take'] = ({ path: from, inside }, path, startupAllowed) => {
    const place = join(inside, path)
    if (!isThere(from, path)) {
      // A step with a workspace of its own says nothing of the job's file.
      if (from === inside) checked.set(place, undefined)
      return []
    }
    const { text, refused } = checkDotenv(readInside(from, path, maxDotenvBytes), { startupAllowed, mask })
    checked.set(place, text)
    putText(inside, path, text)
    return refused.map((why) => `${path}: ${why}`)
  }
  const settleOne = (workspace: string, path: string) => {
    const place = join(workspace, path)
    // No step that names it has come to its end; others may have written it all the same.
    if (!checked.has(place)) {
      const refused = take({ path: workspace, inside: workspace }, path, false)
      for (const why of refused) tell(why)
      return
    }
    const text = checked.get(place)
    if (text === undefined && !isThere(workspace, path)) return
    if (putText(workspace, path, text ?? ''))
      tell(`${path} was written by a step that does not name it as its dotenv: it is what was checked again`)
  }
  return {
    take,
    settle() {
      for (const { workspace, dotenv: path } of steps)
        if (path !== undefined)
          try {
            settleOne(workspace, path)
          } catch (error) {
            throw new MayflyError(
              'conflict',
              `${path} cannot be made what was checked (${messageOf(error)}): let the CI not take it`,
            )
          }
    },
  }
}

/** Also behind a link on the way, which the CI would follow, and in a folder that is closed to us, but not to a CI that is root. */
function isThere(workspace: string, path: string): boolean {
  try {
    lstatSync(join(workspace, path))
    return true
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')
  }
}

/** False if it is there already. */
function putText(workspace: string, path: string, text: string): boolean {
  if (readInside(workspace, path, maxDotenvBytes) === text) return false
  putInside(workspace, path, text)
  return true
}
