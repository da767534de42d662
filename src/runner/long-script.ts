import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scriptInside } from './sandbox/index.ts'
import type { StepRequest } from './step-request.ts'

/** Linux has no room for more than 128 KiB in one argument (MAX_ARG_STRLEN, execve(2)). */
const maxArgumentBytes = 131_071

/** How the command is started; `script` is what has to be in the file that it then reads. */
export interface StartedBy {
  readonly command: readonly string[]
  readonly script?: string
}

/** A script that is no argument any more is read from a file, in the same shell and under the same name. */
export function startedBy(
  { command, script }: Pick<StepRequest, 'command' | 'script'>,
  file = scriptInside,
): StartedBy {
  if (script === undefined || Buffer.byteLength(script) <= maxArgumentBytes) return { command }
  return { command: [...command.slice(0, -1), `. ${file}`], script }
}

/** Of a step without a sandbox. The file is gone when it is disposed of. */
export function startedBare(request: Pick<StepRequest, 'command' | 'script'>): StartedBy & Disposable {
  const isLong = startedBy(request).script !== undefined
  if (!isLong) return { command: request.command, [Symbol.dispose]: () => undefined }
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-script-'))
  const file = join(folder, 'script')
  writeFileSync(file, request.script ?? '', { mode: 0o600 })
  const { command } = startedBy(request, `'${file.replaceAll("'", "'\\''")}'`)
  return { command, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}
