import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { cpuPeriodMicros, cpuQuotaMicros, groupPrefix, type Group } from './group.ts'
import {
  countOf,
  makeGroupFolder,
  numberIn,
  removeGroupFolder,
  sweepGroups,
  writeIfThere,
} from './group-files.ts'
import type { StepLimits } from './limits.ts'
import { ownName } from '../own-name.ts'

/**
 * A control group of version 1: one folder in the hierarchy of each controller, below our own, which is ours to write to if we
 * are root or it was given to us. The first process joins by writing "0" to `tasks`: a move of others by `cgroup.procs`
 * makes the kernel wait for every processor, some 20 ms; that of the writing thread alone does not.
 */
export function makeGroupV1(places: Readonly<Record<string, string>>, limits: StepLimits): Group | undefined {
  using made = new DisposableStack()
  for (const controller of ['memory', 'pids', 'cpu']) sweepGroups(places[controller] ?? '')
  const folders: Record<string, string> = {}
  const joins: number[] = []
  const name = ownName(groupPrefix)
  for (const [controller, settings] of Object.entries(settingsOf(limits))) {
    const parent = places[controller]
    if (parent === undefined) return undefined
    const folder = join(parent, name)
    if (!makeGroupFolder(folder, settings)) return undefined
    made.defer(() => removeGroupFolder(folder))
    folders[controller] = folder
    const tasks = openToWrite(join(folder, 'tasks'))
    if (tasks === undefined) return undefined
    made.defer(() => closeSync(tasks))
    joins.push(tasks)
  }
  const { memory = '', pids = '' } = folders
  writeIfThere(join(memory, 'memory.memsw.limit_in_bytes'), String(limits.memoryBytes))
  const standing = made.move()
  return {
    by: 'cgroup1',
    joins,
    admit: () => Promise.resolve(),
    passed() {
      if (countOf(join(memory, 'memory.oom_control'), 'oom_kill') > 0) return 'memory'
      return countOf(join(pids, 'pids.events'), 'max') > 0 ? 'processes' : undefined
    },
    usage() {
      const peak = numberIn(join(memory, 'memory.max_usage_in_bytes'))
      return peak === undefined ? {} : { peakMemoryBytes: peak }
    },
    // Version 1 has no such file: the end of the PID namespace kills them all.
    kill: () => undefined,
    remove() {
      standing.dispose()
      return Object.values(folders).map(removeGroupFolder).every(Boolean)
    },
  }
}

function settingsOf(limits: StepLimits): Record<string, (readonly [string, string])[]> {
  return {
    memory: [['memory.limit_in_bytes', String(limits.memoryBytes)]],
    pids: [['pids.max', String(limits.processes)]],
    ...(limits.cpus === undefined
      ? {}
      : {
          cpu: [
            ['cpu.cfs_period_us', String(cpuPeriodMicros)],
            ['cpu.cfs_quota_us', String(cpuQuotaMicros(limits))],
          ],
        }),
  }
}

function openToWrite(path: string): number | undefined {
  try {
    return openSync(path, 'r+')
  } catch {
    return undefined
  }
}
