import { Failure } from '../../domain/errors.ts';
import type { Session } from './session.ts';

/** What `docker login` left for a registry on the host where the command is typed. @throws Failure `denied` when it left none */
export async function loginHere(session: Session, registry: string): Promise<string> {
  const login = await session.io.registryAuth(registry);
  if (login !== undefined) return login;
  throw new Failure(
    'denied',
    `docker has no login for ${registry} on this host: "docker login ${registry}" first, or leave out --registry-auth`,
  );
}
