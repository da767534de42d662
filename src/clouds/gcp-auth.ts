import { GoogleAuth } from 'google-auth-library'

// Loaded when the first call is made: a server without Google Cloud does not pay for it.

/**
 * Application default credentials: `GOOGLE_APPLICATION_CREDENTIALS` (a service account's key, an external account), gcloud's own
 * file, the metadata server. It keeps a token until shortly before it expires.
 */
export function standardToken(
  scope: string,
  keyFile: string | undefined,
): () => Promise<string | null | undefined> {
  const auth = new GoogleAuth({
    scopes: [scope],
    // Given, so that it is not looked for over the network: URLs name their project themselves.
    projectId: 'none',
    ...(keyFile === undefined ? {} : { keyFilename: keyFile }),
  })
  return () => auth.getAccessToken()
}
