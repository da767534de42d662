import type { TestContext } from 'node:test'
import { systemClock } from '../../lib/index.ts'
import { startWitness, type Witness, type WitnessOptions } from './index.ts'

/** A witness in this process, closed after the test. */
export async function openWitness(
  t: TestContext,
  folder: string,
  logs: readonly string[],
  options: Partial<WitnessOptions> = {},
): Promise<Witness & { lines: string[] }> {
  const lines: string[] = []
  const witness = await startWitness({
    folder,
    host: '127.0.0.1',
    port: 0,
    name: 'witness.example/w',
    logs,
    clock: systemClock,
    onFork: (line) => lines.push(line),
    ...options,
  })
  t.after(() => witness.close())
  return { ...witness, lines }
}
