import { Writable } from 'node:stream'
import { createNotices } from '../notices.ts'
import { createHeldOutput } from './held-output.ts'
import type { Screen, ScreenDeps, ShownStep } from './view.ts'

/** How a CI's log folds the lines of one step. */
export interface Groups {
  begin(title: string, index: number): string
  end(index: number): string
}

/** GitHub: docs.github.com, "Workflow commands", "Grouping log lines". */
const github: Groups = { begin: (title) => `::group::${title}\n`, end: () => '::endgroup::\n' }

/** GitLab: docs.gitlab.com, "GitLab CI/CD job logs", "Custom collapsible sections". */
const gitlab: Groups = {
  begin: (title, index) =>
    `\x1b[0Ksection_start:${seconds()}:mayfly_step_${index}[collapsed=true]\r\x1b[0K${title}\n`,
  end: (index) => `\x1b[0Ksection_end:${seconds()}:mayfly_step_${index}\r\x1b[0K\n`,
}

const seconds = () => Math.floor(Date.now() / 1000)

export function groupsOf(variables: Readonly<Record<string, string>>): Groups | undefined {
  if (variables['GITHUB_ACTIONS'] === 'true') return github
  return variables['GITLAB_CI'] === 'true' ? gitlab : undefined
}

interface Block {
  readonly index: number
  readonly title: string
  write: (chunk: Buffer) => Promise<void>
  lastLine: string
  isOver: boolean
}

/**
 * One group of lines a step, and never two that are mixed: one step is shown as it speaks, the others are held until it is
 * over. All of it goes to one stream, since the CI may read two in any order.
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
      await put(groups.begin(block.title, block.index))
      for (const chunk of held.get(block)?.take() ?? []) await put(chunk)
      held.delete(block)
      block.write = put
      if (block.isOver) await finish(block)
    })
  }

  async function finish(block: Block): Promise<void> {
    await put(groups.end(block.index))
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
        index: ++count,
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
      let endsLine = true
      const target = new Writable({
        write(chunk: Buffer, _encoding, done) {
          endsLine = chunk.at(-1) === 0x0a
          void showing.then(() => block.write(chunk)).then(() => done())
        },
      })
      const notices = createNotices(target, redactor)
      return {
        stdout: target,
        stderr: target,
        merged: true,
        notices,
        async end(line) {
          notices.end()
          // A marker in the middle of a line is none.
          if (!endsLine) target.write('\n')
          await new Promise<void>((resolve) => void target.end(resolve))
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
