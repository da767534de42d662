import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FatalError, systemCode } from '../../lib/index.ts'
import { type LogFs, namesIn } from './fs.ts'

/**
 * Makes this process the folder's only writer, or throws a FatalError that says who is.
 *
 * Every candidate first puts up a file `lock-<pid>-<start time>` and then looks for others: of two that start at
 * once at least one sees the other and gives way, and no stale file has to be taken over. A file whose process
 * is gone (or whose pid is another process by now) is removed.
 */
export async function lockFolder(fs: LogFs, stateFolder: string): Promise<{ release(): Promise<void> }> {
  const own = `lock-${process.pid}-${(await startTime(process.pid)) ?? '0'}`
  const path = join(stateFolder, own)
  try {
    await (await fs.open(path, 'wx', 0o600)).close()
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw heldBy(stateFolder, process.pid, ' (this one)')
    throw error
  }
  const release = async () => await fs.rm(path, { force: true })
  for (const name of await namesIn(fs, stateFolder)) {
    const match = /^lock-(\d+)-(\d+)$/.exec(name)
    if (match === null || name === own) continue
    const pid = Number(match[1])
    if ((await startTime(pid)) === match[2]) {
      await release()
      throw heldBy(stateFolder, pid)
    }
    await fs.rm(join(stateFolder, name), { force: true })
  }
  return { release }
}

function heldBy(stateFolder: string, pid: number, note = ''): FatalError {
  return new FatalError('data_folder', `the audit log in ${stateFolder} is in use by process ${pid}${note}`)
}

/** When a process started, in clock ticks since boot (proc(5), field 22 of stat); `undefined` when it is gone. */
async function startTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The second field is the program's name in parentheses, and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return process.platform === 'linux' ? undefined : isAlive(pid)
  }
}

function isAlive(pid: number): string | undefined {
  try {
    process.kill(pid, 0)
    return '0'
  } catch (error) {
    return systemCode(error) === 'EPERM' ? '0' : undefined
  }
}
