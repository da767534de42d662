import { randomUUID } from 'node:crypto'
import { open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'

const STALE_MS = 15_000

/**
 * Takes a lock file so that one process at a time writes a data folder. The holder refreshes it, so a
 * lock left by a crash expires, on this machine or another (containers share process ids: a process id
 * alone says nothing).
 * @param {string} path
 * @param {(error: Error) => void} onLost called once if the lock was taken away or cannot be refreshed
 * @returns {Promise<{ release(): Promise<void> } | undefined>} undefined when another process holds it
 */
export async function takeLock(path, onLost, { beatMs = 3_000 } = {}) {
  const mark = JSON.stringify({ id: randomUUID(), host: hostname(), pid: process.pid })
  if (!(await create(path, mark))) {
    if (!(await isAbandoned(path))) return undefined
    await rm(path, { force: true })
    if (!(await create(path, mark))) return undefined
  }

  const beat = async () => {
    try {
      if ((await readFile(path, 'utf8')) !== mark) throw new Error('another process took the lock')
      const now = new Date()
      await utimes(path, now, now)
    } catch (error) {
      clearInterval(timer)
      onLost(error)
    }
  }
  const timer = setInterval(beat, beatMs).unref()

  return {
    async release() {
      clearInterval(timer)
      const current = await readFile(path, 'utf8').catch(() => undefined)
      if (current === mark) await rm(path, { force: true })
    },
  }
}

async function create(path, mark) {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.writeFile(mark)
    await file.close()
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

async function isAbandoned(path) {
  try {
    const [{ mtimeMs }, text] = await Promise.all([stat(path), readFile(path, 'utf8')])
    if (Date.now() - mtimeMs > STALE_MS) return true
    const { host, pid } = JSON.parse(text)
    return host === hostname() && pid !== process.pid && !isAlive(pid)
  } catch (error) {
    return error.code === 'ENOENT'
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}
