import { accessSync, constants, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cpuPeriodMicros, cpuQuotaMicros, groupPrefix, type Group } from './group.ts'
import {
  countOf,
  makeGroupFolder,
  numberIn,
  removeGroupFolder,
  sweepGroups,
  wordsOf,
  writeIfThere,
} from './group-files.ts'
import type { StepLimits } from './limits.ts'
import { ownName } from '../own-name.ts'

/**
 * A control group of version 2 (the kernel's Documentation/admin-guide/cgroup-v2.rst), in the nearest of `folders` where one can
 * be made: a folder that holds processes of its own gives its groups no controllers, so that is often the one above, which
 * is ours to write to if we are root or it was delegated to us (systemd: `Delegate=yes`, `DelegateSubgroup=`).
 */
export function makeGroupV2(folders: readonly string[], limits: StepLimits): Group | undefined {
  const needed = ['memory', 'pids', ...(limits.cpus === undefined ? [] : ['cpu'])]
  for (const parent of folders) {
    if (!mayMoveIn(parent) || !givesControllers(parent, needed)) continue
    sweepGroups(parent)
    const folder = join(parent, ownName(groupPrefix))
    if (!makeGroupFolder(folder, settingsOf(limits))) continue
    writeIfThere(join(folder, 'memory.swap.max'), '0')
    return groupIn(folder)
  }
  return undefined
}

function settingsOf(limits: StepLimits): (readonly [string, string])[] {
  return [
    ['memory.max', String(limits.memoryBytes)],
    // Half a step is of no use to anybody: what is left would report a failure that is none of its own.
    ['memory.oom.group', '1'],
    ['pids.max', String(limits.processes)],
    ...(limits.cpus === undefined
      ? []
      : [['cpu.max', `${cpuQuotaMicros(limits)} ${cpuPeriodMicros}`] as const]),
  ]
}

/** A move asks for the right to write where both groups meet, beside that to the new one. */
function mayMoveIn(parent: string): boolean {
  try {
    accessSync(join(parent, 'cgroup.procs'), constants.W_OK)
    return true
  } catch {
    return false
  }
}

function givesControllers(parent: string, needed: readonly string[]): boolean {
  const there = wordsOf(join(parent, 'cgroup.controllers'))
  if (!needed.every((name) => there.includes(name))) return false
  const given = wordsOf(join(parent, 'cgroup.subtree_control'))
  const missing = needed.filter((name) => !given.includes(name))
  if (missing.length === 0) return true
  try {
    writeFileSync(join(parent, 'cgroup.subtree_control'), missing.map((name) => `+${name}`).join(' '))
    return true
  } catch {
    return false
  }
}

/** The group in a folder that was made for it. */
export function groupIn(folder: string): Group {
  return {
    by: 'cgroup2',
    joins: [],
    admit: (pid) => writeFile(join(folder, 'cgroup.procs'), String(pid)),
    passed() {
      if (countOf(join(folder, 'memory.events'), 'oom_kill') > 0) return 'memory'
      return countOf(join(folder, 'pids.events'), 'max') > 0 ? 'processes' : undefined
    },
    usage() {
      const cpu = join(folder, 'cpu.stat')
      const peak = numberIn(join(folder, 'memory.peak'))
      return {
        userMs: Math.round(countOf(cpu, 'user_usec') / 1000),
        systemMs: Math.round(countOf(cpu, 'system_usec') / 1000),
        ...(peak === undefined ? {} : { peakMemoryBytes: peak }),
      }
    },
    kill: () => writeIfThere(join(folder, 'cgroup.kill'), '1'),
    remove: () => removeGroupFolder(folder),
  }
}
