import type { z } from 'zod';

export function configurationPage(schema: z.ZodType): string;
