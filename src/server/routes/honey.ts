import { z } from 'zod'
import type { Honey } from '../../honey/index.ts'
import { withBody, type Route } from '../route.ts'

/** Honey credentials, for who has found a value somewhere. */
export function honeyRoutes({ honey }: { honey: Honey }): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/honey/identify',
      summary: 'In which run, step and place a value was planted, if it was',
      auth: 'session:read',
      response: z.object({
        planted: z.array(
          z.object({
            run: z.string(),
            step: z.string(),
            name: z.string(),
            role: z.string(),
            place: z.string(),
          }),
        ),
      }),
      ...withBody(z.strictObject({ text: z.string().min(1).max(65_536) }), async (_call, { text }) => ({
        planted: [...(await honey.find(text, { unmarked: true }))],
      })),
    },
  ]
}
