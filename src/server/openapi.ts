import { z } from 'zod'
import type { Route } from './route.ts'

const problemSchema = z.object({
  type: z.string(),
  status: z.int(),
  code: z.string().describe('Stable; scripts may match on it.'),
  detail: z.string(),
  request_id: z.string(),
})

/** The OpenAPI 3.1 description of the route table. */
export function describeApi(routes: readonly Route[], url: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.path.replaceAll(/:([a-z_]+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Mayfly', version: '0.1.0', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url }],
    paths,
    components: {
      schemas: { Problem: z.toJSONSchema(problemSchema, { target: 'draft-2020-12' }) },
      securitySchemes: {
        operator: { type: 'http', scheme: 'bearer', description: 'An API token of an operator.' },
        dpop: {
          type: 'http',
          scheme: 'DPoP',
          description: 'A session or step token with a proof (RFC 9449).',
        },
      },
    },
  }
}

function securityOf({ auth }: Route): Record<string, unknown> {
  if (auth === 'none') return {}
  if (auth === 'dpop') return { security: [{ dpop: [] }] }
  if (typeof auth === 'object')
    return {
      security: [{ operator: [auth.scope] }, { dpop: [] }, ...(auth.orAnybody === undefined ? [] : [{}])],
    }
  return { security: [{ operator: auth === 'operator' ? [] : [auth] }] }
}

const mediaTypes = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  text: 'text/plain',
  bytes: 'application/octet-stream',
} as const

function describeRoute(route: Route): Record<string, unknown> {
  const parameters = [...route.path.matchAll(/:([a-z_]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const mediaType = mediaTypes[route.bodyType ?? 'json']
  return {
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...securityOf(route),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { [mediaType]: { schema: z.toJSONSchema(route.body, { io: 'input' }) } },
          },
        }),
    responses: {
      [route.status ?? 200]: {
        description: 'Done.',
        ...(route.status === 204
          ? {}
          : {
              content: {
                [mediaTypes[route.responseType ?? 'json']]: { schema: z.toJSONSchema(route.response) },
              },
            }),
      },
      default: {
        description: 'Refused or failed.',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    },
  }
}
