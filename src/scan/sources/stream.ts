import type { Batch } from './model.ts'

/** What comes on a stream that is open, read by the worker that is handed the batch. */
export async function* streamSource(descriptor: number, name: string): AsyncGenerator<Batch> {
  yield { parts: [{ kind: 'descriptor', name, descriptor }] }
}
