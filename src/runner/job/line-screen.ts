import type { Writable } from 'node:stream'
import { createNotices } from '../notices.ts'
import { marked } from './group-lines.ts'
import { createLineWriter } from './line-writer.ts'
import { createLiveLines, isLive } from './live-lines.ts'
import type { Screen, ScreenDeps } from './view.ts'

/** Steps beside each other: whole lines with the step's name in front, and on a terminal one line below for each that runs. */
export function createLineScreen(deps: ScreenDeps): Screen {
  const { stdout, stderr, merged, redactor } = deps
  const live = isLive(stderr, deps.variables) ? createLiveLines(stderr) : undefined

  const printTo = (target: Writable) => (text: string) =>
    new Promise<void>((resolve) => {
      if (live === undefined) target.write(text, () => resolve())
      else live.print(target, text, resolve)
    })

  return {
    open({ name, role, attempt }) {
      const prefix = redactor.text(`[${name}] `)
      const out = createLineWriter(prefix, printTo(stdout), marked)
      const err = createLineWriter(prefix, printTo(stderr), marked)
      const own = createLineWriter(prefix, printTo(stderr))
      const notices = createNotices(own, redactor)
      notices.tell(`mayfly: begins as ${role}${attempt > 1 ? `, attempt ${attempt}` : ''}`)
      const over = live?.add(redactor.text(`${name} as ${role}${attempt > 1 ? `, attempt ${attempt}` : ''}`))
      return {
        stdout: out,
        stderr: err,
        merged,
        notices,
        async end(line) {
          for (const one of [out, err]) await new Promise<void>((resolve) => void one.end(resolve))
          notices.tell(line)
          await new Promise<void>((resolve) => void own.end(resolve))
          over?.()
        },
      }
    },
    close: async () => live?.close(),
  }
}
