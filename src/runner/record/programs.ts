import { readFileSync, readlinkSync } from 'node:fs'
import { processesBelow } from '../sandbox/index.ts'

/** Programs that were seen running, by their path as the step sees it. */
export interface ProgramsRecord {
  /** In the order in which they were first seen; in how many of the looks each was there. */
  readonly seen: readonly { readonly program: string; readonly looks: number }[]
  /** How often it was looked. */
  readonly looks: number
  /** Further ones, that there was no room for. */
  readonly more: number
}

/** Early and often at first, since most steps are short; then what a build may well bear. */
const pausesMs = [20, 50, 100, 200, 400]
const laterMs = 1_000
const maxProcesses = 300
const maxPrograms = 40
/** Those beyond are only counted, up to here. */
const maxKnown = 2_000
const maxPathChars = 200

/**
 * Looks at the step's processes now and then. What it finds has run; what lived between two looks only, as most of what a build
 * starts, it does not find. `isOurs`: the first process is not the step's.
 */
export function watchPrograms(running: { firstProcess(): number | undefined }, isOurs: boolean) {
  const found = new Map<string, number>()
  let looks = 0
  let timer: NodeJS.Timeout | undefined

  function look(): void {
    const first = running.firstProcess()
    if (first !== undefined) {
      const pids = processesBelow(first, maxProcesses)
      const programs = new Set(pids.filter((pid) => !isOurs || !isCopyOf(first, pid)).map(programOf))
      for (const program of programs)
        if (program !== undefined && (found.has(program) || found.size < maxKnown))
          found.set(program, (found.get(program) ?? 0) + 1)
      looks++
    }
    timer = setTimeout(look, pausesMs[looks] ?? laterMs).unref()
  }

  timer = setTimeout(look, pausesMs[0]).unref()
  return {
    stop: () => clearTimeout(timer),
    seen(mask: (text: string) => string): ProgramsRecord | undefined {
      if (looks === 0) return undefined
      const all = [...found].map(([program, times]) => ({ program: mask(program), looks: times }))
      return { seen: all.slice(0, maxPrograms), looks, more: Math.max(0, all.length - maxPrograms) }
    },
  }
}

/** It itself, or what it has just started, which is a copy of it until the step's own program takes its place. */
function isCopyOf(first: number, pid: number): boolean {
  return pid === first || (programOf(pid) === programOf(first) && wordsOf(pid) === wordsOf(first))
}

function wordsOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return undefined
  }
}

/** Undefined for a process that is gone, or shows nothing of itself. */
function programOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`).slice(0, maxPathChars)
  } catch {
    return undefined
  }
}
