import { z } from 'zod'
import type { Broker, Step } from '../../broker/index.ts'
import type { Gateway } from '../../gateway/index.ts'
import type { Honey, Planting } from '../../honey/index.ts'
import type { EndNotices } from '../end-notices.ts'
import { ownStep } from '../own-step.ts'
import { withBody, type Route } from '../route.ts'

const texts = z.record(z.string(), z.string())

export interface CredentialRoutesDeps {
  broker: Broker
  gateway: Pick<Gateway, 'handOuts'>
  notices: EndNotices
  honey: Pick<Honey, 'plant'>
}

/**
 * What is handed to the step itself, to its supervisor alone: by the step's token and a proof of the session's key, over TLS or on
 * the machine itself, since the server listens nowhere else.
 */
export function credentialRoutes(deps: CredentialRoutesDeps): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/steps/:id/credentials',
      summary:
        'Be given the credentials that the role hands to the step itself (`KIND:credential`); asked again, what they are by then',
      auth: 'dpop',
      response: z.object({
        credentials: z.array(
          z.object({
            ...{ connection: z.string(), kind: z.string(), url: z.string() },
            expires_at: z.iso.datetime(),
            fields: texts.describe('All that there is of it, to be masked.'),
            env: texts,
            files: texts.describe('By their paths in the step’s home.'),
          }),
        ),
      }),
      ...withBody(
        z.strictObject({
          home: z
            .string()
            .regex(/^\/[^\0-\x1f\x7f"'\\]{0,500}$/, 'an absolute path')
            .describe('Where the step finds its files: `{home}`.'),
          connection: z.string().min(1).max(200).optional().describe('Of this one alone.'),
          refused: z
            .boolean()
            .optional()
            .describe(
              'Its host took what was handed out before no more: another is made, once a minute at most.',
            ),
        }),
        async (call, { home, connection: only, refused }) => {
          const step = ownStep(deps, call)
          const handed = await deps.gateway.handOuts.handOut(step, home, only, refused)
          const planting = only === undefined ? await deps.honey.plant(step) : undefined
          const credentials = handed.map(
            ({ connection: { name, kind, url }, fields, rendered, expiresMs }) => ({
              ...{ connection: name, kind, url },
              expires_at: new Date(expiresMs).toISOString(),
              fields: Object.fromEntries(
                Object.entries(fields).map(([field, value]) => [field, value.reveal()]),
              ),
              ...rendered.reveal(),
            }),
          )
          return {
            credentials: [...credentials, ...(planting === undefined ? [] : [planted(planting, step)])],
          }
        },
      ),
    },
  ]
}

/** As what was made for the step looks, under a name that no connection has. */
function planted({ env, files, secrets }: Planting, { expiresMs }: Step) {
  return {
    ...{ connection: '(planted)', kind: 'planted', url: '', env: { ...env }, files: { ...files } },
    expires_at: new Date(expiresMs).toISOString(),
    fields: Object.fromEntries(secrets.map(({ place, value }, i) => [`${place} ${i}`, value.reveal()])),
  }
}
