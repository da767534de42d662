import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import { createNotices } from '../notices.ts'
import { createStepLines, githubLines, gitlabLines, type GroupLines } from './group-lines.ts'
import { createHeldOutput } from './held-output.ts'
import type { Screen, ScreenDeps, ShownStep } from './view.ts'

/** How a CI's log folds the lines of one step. */
export interface Groups {
  begin(title: string, name: string): string
  end(name: string): string
  /** What becomes of the step's own lines in it. */
  lines(title: string): GroupLines
}

/** GitHub: docs.github.com, "Workflow commands", "Grouping log lines". */
const github: Groups = {
  begin: (title) => `::group::${title}\n`,
  end: () => '::endgroup::\n',
  lines: githubLines,
}

/** GitLab: docs.gitlab.com, "GitLab CI/CD job logs", "Custom collapsible sections". */
const gitlab: Groups = {
  begin: (title, name) => `\x1b[0Ksection_start:${seconds()}:${name}[collapsed=true]\r\x1b[0K${title}\n`,
  end: (name) => `\x1b[0Ksection_end:${seconds()}:${name}\r\x1b[0K\n`,
  lines: gitlabLines,
}

const seconds = () => Math.floor(Date.now() / 1000)

export function groupsOf(variables: Readonly<Record<string, string>>): Groups | undefined {
  if (variables['GITHUB_ACTIONS'] === 'true') return github
  return variables['GITLAB_CI'] === 'true' ? gitlab : undefined
}

interface Block {
  readonly name: string
  readonly title: string
  write: (chunk: Buffer) => Promise<void>
  lastLine: string
  isOver: boolean
}

/**
 * One group of lines a step, and never two that are mixed: one step is shown as it speaks, the others are held until it is
 * over. All of it goes to one stream, since the CI may read two in any order. No line of a step is outside of its group: what is,
 * is ours.
 */
export function createGroupScreen({ stdout, redactor }: ScreenDeps, groups: Groups): Screen {
  const blocks: Block[] = []
  const held = new Map<Block, ReturnType<typeof createHeldOutput>>()
  let shown: Block | undefined
  let count = 0
  let showing = Promise.resolve()

  const put = (data: Buffer | string) =>
    new Promise<void>((resolve) => void stdout.write(data, () => resolve()))

  function show(block: Block): void {
    shown = block
    showing = showing.then(async () => {
      await put(groups.begin(block.title, block.name))
      for (const chunk of held.get(block)?.take() ?? []) await put(chunk)
      held.delete(block)
      block.write = put
      if (block.isOver) await finish(block)
    })
  }

  async function finish(block: Block): Promise<void> {
    await put(groups.end(block.name))
    await put(redactor.text(`${block.lastLine}\n`))
    blocks.splice(blocks.indexOf(block), 1)
    shown = undefined
    // What is over goes first, so that the log is behind the job as little as it can be.
    const next = blocks.find(({ isOver }) => isOver) ?? blocks[0]
    if (next !== undefined) show(next)
  }

  return {
    open(step) {
      const block: Block = {
        name: `mayfly_step_${++count}_${randomBytes(6).toString('hex')}`,
        title: redactor.text(titleOf(step)),
        lastLine: '',
        isOver: false,
        async write(chunk) {
          let own = held.get(block)
          if (own === undefined) held.set(block, (own = createHeldOutput()))
          own.add(chunk)
        },
      }
      blocks.push(block)
      if (shown === undefined) show(block)
      const write = (data: Buffer) => showing.then(() => block.write(data))
      const own = new Writable({
        write: (chunk: Buffer, _encoding, done) => void write(chunk).then(() => done()),
      })
      const lines = createStepLines(groups.lines(block.title))
      const target = new Writable({
        write: (chunk: Buffer, _encoding, done) => void write(lines.add(chunk)).then(() => done()),
        final: (done) => void write(lines.end()).then(() => done()),
      })
      const notices = createNotices(own, redactor)
      return {
        stdout: target,
        stderr: target,
        merged: true,
        // Only whole lines of the step are shown.
        notices: { ...notices, shown: () => undefined },
        async end(line) {
          await new Promise<void>((resolve) => void target.end(resolve))
          await new Promise<void>((resolve) => void own.end(resolve))
          block.lastLine = line
          block.isOver = true
          await showing
          if (shown === block) await (showing = showing.then(() => finish(block)))
        },
      }
    },
    async close() {
      while (blocks.some(({ isOver }) => isOver)) await showing
      for (const one of held.values()) one[Symbol.dispose]()
    },
  }
}

function titleOf({ name, role, attempt }: ShownStep): string {
  return `${name} as ${role}${attempt > 1 ? `, attempt ${attempt}` : ''}`
}
