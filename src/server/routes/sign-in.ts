import { z } from 'zod'
import type { SignIn } from '../../operators/index.ts'
import type { Route } from '../route.ts'

/** For `mayfly login`, so that nobody waits for a browser that cannot sign them in. */
export function signInRoutes({ signIn }: { signIn: SignIn }): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/sign-in',
      summary: 'Whether people can sign in here',
      auth: 'none',
      response: z.object({ available: z.boolean() }),
      handle: async () => ({ available: signIn.available() }),
    },
  ]
}
