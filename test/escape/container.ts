import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { once } from 'node:events'

/** As container engines start a container: processes and a /proc of its own, parts of which are hidden or read-only. */
const asContainer = `
mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys &&
mount --bind /dev/null /proc/timer_list && echo ready && exec cat`

/** Processes that many programs can be started in: where nobody can mount a fresh /proc, a step has tier C. */
export async function startContainer(
  uid: number | undefined,
): Promise<{ prefix: readonly string[]; close(): void } | undefined> {
  const options = ['-Urmpf', '--mount-proc', '--propagation', 'private', '--kill-child']
  const child = spawn('unshare', [...options, 'sh', '-c', asContainer], {
    stdio: ['pipe', 'pipe', 'ignore'],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  const ended = once(child, 'close').catch(() => undefined)
  const ready = await Promise.race([once(child.stdout, 'data'), ended.then(() => undefined)])
  if (ready === undefined || child.pid === undefined || child.exitCode !== null) return undefined
  const [first = ''] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'latin1').split(' ')
  return {
    prefix: ['nsenter', '-t', first, '-U', '-m', '-p', '--preserve-credentials'],
    close: () => void child.kill('SIGKILL'),
  }
}
