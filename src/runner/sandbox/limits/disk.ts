import { execFile } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'

/** Looks whether a step has written too much. */
export type DiskWatch = () => Promise<boolean>

/**
 * Watches what a step adds to the disk, of which it may take `maxBytes` in all folders of the machine that it can write to
 * together. Nobody has quotas there, so the free room is looked at, which costs nothing. Once that much of it is gone the folders
 * themselves are counted: others write to their disks, too. What cannot be counted (a folder that the step has closed) is taken
 * for the step's. A file without a name is found by the descriptors of the step's processes. What neither finds ends the step when
 * a disk is nearly full. `pids` are the step's processes.
 */
export function watchDisk(
  folders: readonly string[],
  maxBytes: number,
  pids: () => readonly number[],
): DiskWatch {
  const disks = onePerDisk(folders)
  let base: readonly Room[] | undefined
  return async () => {
    const now = await Promise.all(disks.map(roomOf))
    // Room that others made meanwhile is not the step's to fill unseen.
    const most = (base ?? now).map((before, i) => mostOf(before, now[i] ?? before))
    base = most
    const taken = now.map((room, i) => takenSince(most[i] ?? room, room))
    if (now.some((room, i) => isNearlyFull(room) && (taken[i] ?? 0) >= nearlyFullTakenBytes)) return true
    if (sum(taken) < maxBytes) return false
    const counted = await countFolders(folders)
    if (counted === undefined) return true
    const used = counted + namelessBytes(disks, pids())
    if (used >= maxBytes) return true
    // The rest was somebody else's. What is counted may be the step's, and stays on its account.
    base = now.map((room, i) => (i === 0 ? { ...room, bytes: room.bytes + used } : room))
    return false
  }
}

/** The first folder of each file system. */
function onePerDisk(folders: readonly string[]): string[] {
  const found = new Map(folders.toReversed().map((folder) => [statSync(folder).dev, folder]))
  return [...found.values()].toReversed()
}

const sum = (numbers: Iterable<number>) => [...numbers].reduce((all, one) => all + one, 0)

interface Room {
  /** Free, for an ordinary user. */
  readonly bytes: number
  readonly totalBytes: number
  /** Files that can still be made. */
  readonly files: number
}

async function roomOf(folder: string): Promise<Room> {
  const { bsize, bavail, blocks, ffree } = await statfs(folder)
  return { bytes: bavail * bsize, totalBytes: blocks * bsize, files: ffree }
}

const mostOf = (a: Room, b: Room): Room => ({
  ...b,
  bytes: Math.max(a.bytes, b.bytes),
  files: Math.max(a.files, b.files),
})

/** A million empty files fill a disk as surely: each takes what a small one does. */
const bytesPerFile = 4_096

function takenSince(base: Room, now: Room): number {
  return Math.max(base.bytes - now.bytes, (base.files - now.files) * bytesPerFile)
}

const nearlyFullTakenBytes = 2 ** 28

function isNearlyFull({ bytes, totalBytes }: Room): boolean {
  return bytes < Math.min(2 ** 29, totalBytes / 50)
}

const countTimeoutMs = 60_000

/** Bytes on the disk below these folders; undefined if a part of it cannot be read, or it takes too long. */
function countFolders(folders: readonly string[]): Promise<number | undefined> {
  return new Promise((resolve) => {
    execFile(
      '/usr/bin/du',
      ['-s', '-c', '-x', '--block-size=1', '--', ...folders],
      { env: { LC_ALL: 'C' }, timeout: countTimeoutMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 20 },
      (error, stdout, stderr) => {
        const bytes = /^(\d+)\ttotal\n$/m.exec(stdout)?.[1]
        // What was removed while it counted is an error to du, and none to us.
        const unseen = error !== null && (stderr === '' || /Permission denied/.test(stderr))
        resolve(bytes === undefined || unseen ? undefined : Number(bytes))
      },
    )
  })
}

/** What is on these disks in files that have no name any more but are open in one of the processes. */
function namelessBytes(disks: readonly string[], pids: readonly number[]): number {
  const devices = new Set(disks.map((folder) => statSync(folder).dev))
  const found = new Map<string, number>()
  for (const pid of pids)
    for (const fd of namesIn(`/proc/${pid}/fd`)) {
      const file = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false })
      if (file?.isFile() === true && file.nlink === 0 && devices.has(file.dev))
        found.set(`${file.dev} ${file.ino}`, file.blocks * 512)
    }
  return sum(found.values())
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
